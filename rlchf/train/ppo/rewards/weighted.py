"""A weighted sum of rewards."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.shaping import Reward, check_scores, keeps_state


class WeightedSum:
    """The sum of rewards times weights, which may be negative: a price, such as of length.

    Examples
    --------
    >>> length = lambda prompts, responses: [float(len(text)) for text in responses]
    >>> vowels = lambda prompts, responses: [float(sum(c in "aeiou" for c in t)) for t in responses]
    >>> WeightedSum([vowels, length], [1.0, -0.1])(["p", "p"], ["aeon", "rhythm"])
    tensor([ 2.6000, -0.6000])
    """

    def __init__(self, rewards: Sequence[Reward], weights: Sequence[float]) -> None:
        if not rewards or len(rewards) != len(weights):
            raise ValueError(
                f"there are {len(rewards)} rewards and {len(weights)} weights; give one weight each"
            )
        self.rewards, self.weights = list(rewards), list(weights)

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(B,) scores."""
        asked, texts = list(prompts), list(responses)
        parts = [check_scores(reward(asked, texts), texts) for reward in self.rewards]
        pairs = zip(self.weights, parts, strict=True)
        return torch.stack([weight * part.cpu().double() for weight, part in pairs]).sum(0).float()

    def state_dict(self) -> dict[str, Any]:
        """The state of the rewards that have one, by their places."""
        changing = [(str(n), own) for n, own in enumerate(self.rewards) if keeps_state(own)]
        return {n: own.state_dict() for n, own in changing}  # type: ignore[attr-defined]

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the state of an earlier run."""
        for n, own in state.items():
            self.rewards[int(n)].load_state_dict(own)  # type: ignore[attr-defined]
