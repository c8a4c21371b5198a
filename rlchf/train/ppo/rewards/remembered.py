"""A reward that remembers what it said."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.shaping import Reward


class Remembered:
    """A reward as it is, which also tells its mean over the rows of the last batch.

    A vote's scores have mean 0, so only what its voters think says whether the policy gets better. A
    voter reads every text once; the mean counts a text as often as the policy gave it.

    Examples
    --------
    >>> length = Remembered(lambda prompts, texts: [float(len(text)) for text in texts])
    >>> length(["p", "p"], ["a", "four"])
    [1.0, 4.0]
    >>> length.mean(["p", "p", "p"], ["a", "four", "a"])
    2.0
    """

    def __init__(self, reward: Reward) -> None:
        self.reward = reward
        self.last: dict[tuple[str, str], float] = {}

    def __call__(self, prompts: list[Prompt], responses: list[str]) -> Sequence[float] | Tensor:
        """What the reward says; whoever called checks that it is one number per response."""
        scores = self.reward(prompts, responses)
        said = torch.as_tensor(scores).detach().flatten().tolist()
        rows = zip(prompts, responses, said, strict=False)
        self.last = {(str(prompt), text): score for prompt, text, score in rows}
        return scores

    def mean(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> float:
        """Its mean over responses that it has just scored."""
        rows = zip(prompts, responses, strict=True)
        return sum(self.last[str(prompt), text] for prompt, text in rows) / len(responses)
