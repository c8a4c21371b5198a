"""A weighted sum of rewards."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.rewards.combination import Combination
from rlchf.train.ppo.shaping import Reward, check_scores, keeps_state


class WeightedSum(Combination):
    """The sum of rewards times weights, which may be negative, for a penalty such as one of length.

    Examples
    --------
    >>> length = lambda prompts, responses: [float(len(text)) for text in responses]
    >>> vowels = lambda prompts, responses: [float(sum(c in "aeiou" for c in t)) for t in responses]
    >>> WeightedSum([vowels, length], [1.0, -0.1])(["p", "p"], ["aeon", "rhythm"])
    tensor([ 2.6000, -0.6000])
    """

    weighting = "any"

    def __init__(self, rewards: Sequence[Reward], weights: Sequence[float]) -> None:
        if not rewards or len(rewards) != len(weights):
            raise ValueError(
                f"there are {len(rewards)} rewards and {len(weights)} weights; give one weight each"
            )
        self.rewards, self.weights = list(rewards), list(weights)

    @classmethod
    def combine(
        cls, rewards: Mapping[str, Reward], weights: Sequence[float] | None, **options: Any
    ) -> Self:
        """The sum of the rewards, with weights of 1 if none are given."""
        return cls(list(rewards.values()), weights or [1.0] * len(rewards), **options)

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(B,) scores."""
        prompts, responses = list(prompts), list(responses)
        scores = [check_scores(reward(prompts, responses), responses) for reward in self.rewards]
        terms = zip(self.weights, scores, strict=True)
        return torch.stack([weight * each.cpu().double() for weight, each in terms]).sum(0).float()

    def state_dict(self) -> dict[str, Any]:
        """The state of each reward that has one, by its index."""
        stateful = [(str(n), one) for n, one in enumerate(self.rewards) if keeps_state(one)]
        return {n: one.state_dict() for n, one in stateful}  # type: ignore[attr-defined]

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the state of an earlier run."""
        for n, reward_state in state.items():
            self.rewards[int(n)].load_state_dict(reward_state)  # type: ignore[attr-defined]
