"""A reward whose mean over the last batch is logged."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.shaping import Reward


class LoggedReward:
    """A reward that keeps the scores of the last batch, so that their mean can be logged.

    A vote's scores have mean 0, so only the scores of its voters show whether the policy gets better. A
    voter reads every text once; the mean counts a text as often as the policy gave it.

    Examples
    --------
    >>> length = LoggedReward(lambda prompts, texts: [float(len(text)) for text in texts])
    >>> length(["p", "p"], ["a", "four"])
    [1.0, 4.0]
    >>> length.mean(["p", "p", "p"], ["a", "four", "a"])
    2.0
    """

    def __init__(self, reward: Reward) -> None:
        self.reward = reward
        self.last: dict[tuple[str, str], float] = {}

    def __call__(self, prompts: list[Prompt], responses: list[str]) -> Sequence[float] | Tensor:
        """The scores of the reward; the caller checks that there is one number per response."""
        scores = self.reward(prompts, responses)
        values = torch.as_tensor(scores).detach().flatten().tolist()
        rows = zip(prompts, responses, values, strict=False)
        self.last = {(str(prompt), text): score for prompt, text, score in rows}
        return scores

    def mean(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> float:
        """The mean score of responses of the last batch."""
        rows = zip(prompts, responses, strict=True)
        return sum(self.last[str(prompt), text] for prompt, text in rows) / len(responses)
