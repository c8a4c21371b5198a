"""The reward of the worst-off group."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import Tensor

from rlchf.prompts import Prompt
from rlchf.train.ppo.shaping import Reward, check_scores


class MaxMin:
    """A weighted sum of the groups' rewards, whose weights follow whoever is worst off.

    After each batch a group's weight is multiplied by exp(-step * its mean reward), and all are divided
    by their sum: the weight goes to the group that gets least until it gets as much as the others.
    The policy and the weights together end at the saddle point `rlchf.optima.max_min`, where
    the smallest of the groups' mean rewards, minus beta times the divergence, is largest. How many are
    in a group does not count.

    The rewards must be on a common scale with a common zero, such as mean 0 and standard deviation 1 over
    the reference's responses: "worst off" has no meaning otherwise.

    Parameters
    ----------
    groups
        A reward for each group's name: its reward model, or a function.
    step
        How fast the weights follow. Large steps circle around the saddle point.

    Attributes
    ----------
    weights
        Each group's weight now; they add up to 1. `state_dict` keeps them for a run that goes on later.

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

    def __init__(self, groups: Mapping[str, Reward], step: float = 0.1) -> None:
        if not groups:
            raise ValueError("there are no groups; give a reward for each group's name")
        if not step > 0:
            raise ValueError(f"step is {step}; it must be above 0")
        self.groups, self.step = dict(groups), step
        self._logs = torch.zeros(len(self.groups), dtype=torch.float64)

    @property
    def weights(self) -> dict[str, float]:
        """Each group's weight now."""
        return dict(zip(self.groups, self._logs.softmax(0).tolist(), strict=True))

    def __call__(self, prompts: Sequence[Prompt], responses: Sequence[str]) -> Tensor:
        """(B,) scores under the weights as they are; then the weights move."""
        asked, texts = list(prompts), list(responses)
        parts = [check_scores(own(asked, texts), texts) for own in self.groups.values()]
        scores = torch.stack([part.double().cpu() for part in parts])  # (G, B)
        found = (self._logs.softmax(0) @ scores).float()
        means = scores.mean(1).float().to(PartialState().device)
        self._logs -= self.step * reduce(means, "mean").double().cpu()  # over all processes
        self._logs -= self._logs.logsumexp(0)
        return found

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on with the same weights."""
        return {"groups": list(self.groups), "log_weights": self._logs.tolist()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the weights of an earlier run."""
        if state["groups"] != list(self.groups):
            raise ValueError(
                f"the saved weights are of {', '.join(state['groups'])}, but the groups are "
                f"{', '.join(self.groups)}; give the same groups"
            )
        self._logs = torch.tensor(state["log_weights"], dtype=torch.float64)
