"""The reward of the worst-off group."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.rewards.combination import Combination
from rlchf.train.ppo.shaping import Reward, check_scores


class MaxMin(Combination):
    """A weighted sum of the groups' rewards, whose weights move towards the worst-off group.

    After each batch a group's weight is multiplied by exp(-step * its mean reward), and all are divided
    by their sum, so the weight of the group with the smallest mean grows until the means are equal.
    The policy and the weights together end at the saddle point `rlchf.optima.max_min`, where
    the smallest of the groups' mean rewards, minus beta times the divergence, is largest. The size of a
    group does not count.

    The rewards must be on a common scale with a common zero, such as mean 0 and standard deviation 1 over
    the reference's responses: otherwise the worst-off group is not defined.

    Parameters
    ----------
    groups
        A reward for each group's name: its reward model, or a function.
    step
        Step size of the weights. Large steps circle around the saddle point.

    Attributes
    ----------
    weights
        The current weight of each group; they add up to 1. `state_dict` keeps them for a resumed run.

    References
    ----------
    S. Chakraborty et al., "MaxMin-RLHF: alignment with diverse human preferences", 2024,
    https://arxiv.org/abs/2402.08925, with the adaptive weights of S. Sagawa et al., "Distributionally
    robust neural networks for group shifts", 2020, algorithm 1, in place of the worst group alone.

    Examples
    --------
    >>> north = lambda prompts, texts: [1.0 if text == "plain" else 0.0 for text in texts]
    >>> south = lambda prompts, texts: [0.0 if text == "plain" else 1.0 for text in texts]
    >>> reward = MaxMin({"north": north, "south": south}, step=1.0)
    >>> reward(["p"] * 4, ["plain", "plain", "plain", "emoji"])
    tensor([0.5000, 0.5000, 0.5000, 0.5000])
    >>> {name: round(weight, 3) for name, weight in reward.weights.items()}
    {'north': 0.378, 'south': 0.622}
    """

    weighting = "none"

    def __init__(self, groups: Mapping[str, Reward], *, step: float = 0.1) -> None:
        if not groups:
            raise ValueError("there are no groups; give a reward for each group's name")
        if not step > 0:
            raise ValueError(f"step is {step}; it must be above 0")
        self.groups, self.step = dict(groups), step
        self._log_weights = torch.zeros(len(self.groups), dtype=torch.float64)

    @classmethod
    def combine(
        cls, rewards: Mapping[str, Reward], weights: Sequence[float] | None, **options: Any
    ) -> Self:
        """The worst-off reward; it finds its own weights."""
        return cls(rewards, **options)

    @property
    def weights(self) -> dict[str, float]:
        """The current weight of each group."""
        return dict(zip(self.groups, self._log_weights.softmax(0).tolist(), strict=True))

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(B,) scores under the current weights, which then move."""
        prompts, responses = list(prompts), list(responses)
        by_group = [check_scores(r(prompts, responses), responses) for r in self.groups.values()]
        scores = torch.stack([each.double().cpu() for each in by_group])  # (G, B)
        combined = (self._log_weights.softmax(0) @ scores).float()
        if not self.moves:
            return combined
        means = scores.mean(1).float().to(PartialState().device)
        self._log_weights -= self.step * reduce(means, "mean").double().cpu()  # over all processes
        self._log_weights -= self._log_weights.logsumexp(0)
        return combined

    def state_dict(self) -> dict[str, Any]:
        """The weights, for a resumed run."""
        return {"groups": list(self.groups), "log_weights": self._log_weights.tolist()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the weights of an earlier run."""
        if state["groups"] != list(self.groups):
            raise ValueError(
                f"the saved weights are of {', '.join(state['groups'])}, but the groups are "
                f"{', '.join(self.groups)}; give the same groups"
            )
        self._log_weights = torch.tensor(state["log_weights"], dtype=torch.float64)
