"""GDPO: rewards that are normalised one by one before they are added."""

from collections.abc import Sequence

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.rewards.groups import scores_of
from rlchf.train.ppo.rewards.weighted_sum import WeightedSum

GUARD = 1e-4
"""Added to a standard deviation before dividing by it."""


class GDPO(WeightedSum):
    """The weighted sum of rewards, each normalised among the responses to a prompt.

    Within the responses to one prompt each reward is brought to mean 0 and standard deviation 1; the
    weighted sum of these is then brought to mean 0 and standard deviation 1 over the batch, that of all
    processes together. A reward on a large scale does not drown the others, and responses that GRPO on
    the sum of the rewards cannot tell apart get different advantages.

    These are advantages already. RLOO keeps them, times n / (n - 1) for n responses to a prompt; GRPO
    divides by a prompt's standard deviation once more, and GAE adds a critic.

    Parameters
    ----------
    rewards
        Rewards: models or functions.
    weights
        Their weights, which may be negative.

    References
    ----------
    S.-Y. Liu et al., "GDPO: group reward-decoupled normalization policy optimization for multi-reward RL
    optimization", 2026, https://arxiv.org/abs/2601.05242. Standard deviations are those of a sample,
    over n - 1, plus 0.0001, as in the authors' code.

    Examples
    --------
    >>> correct = lambda prompts, texts: [float("4" in text) for text in texts]
    >>> brief = lambda prompts, texts: [float(len(text) < 3) for text in texts]
    >>> reward = GDPO([correct, brief], [1.0, 1.0])
    >>> reward(["p"] * 2 + ["q"] * 2, ["four", "4", "five", "4, I think"]).round(decimals=2)
    tensor([-1.1000,  1.1000, -0.5500,  0.5500])
    """

    compares = True
    normalises = True

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(B,) scores."""
        groups = self.compared_groups(prompts, responses)
        total = torch.zeros(len(responses), dtype=torch.float64)
        for number, (reward, weight) in enumerate(zip(self.rewards, self.weights, strict=True)):
            by_group = zip(groups, scores_of(reward, groups, f"reward {number}"), strict=True)
            total += weight * torch.cat([_normalised(scores[g.index]) for g, scores in by_group])
        return self._normalised_over_batch(total).float()

    def _normalised_over_batch(self, values: Tensor) -> Tensor:
        """The values, brought to mean 0 and standard deviation 1 over the rows of all processes."""
        count, total = self._summed(len(values), values.sum())
        centred = values - total / count
        (squares,) = self._summed(centred.square().sum())
        deviation: float = (squares / max(count - 1, 1)) ** 0.5
        return centred / (deviation + GUARD)

    def _summed(self, *figures: float | Tensor) -> list[float]:
        """The figures, summed over the processes."""
        numbers = torch.tensor([float(figure) for figure in figures])
        if not self.whole_batch:
            numbers = reduce(numbers.to(PartialState().device), "sum")
        sums: list[float] = numbers.tolist()
        return sums


def _normalised(scores: Tensor) -> Tensor:
    """The scores of one prompt's responses, brought to mean 0 and standard deviation 1."""
    if len(scores) < 2:
        return torch.zeros_like(scores)
    return (scores - scores.mean()) / (scores.std() + GUARD)
