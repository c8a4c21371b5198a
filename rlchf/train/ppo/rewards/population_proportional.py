"""Population-proportional alignment."""

import torch
from torch import Tensor

from rlchf.train.ppo.rewards.combination import PreferenceObjective
from rlchf.train.ppo.rewards.groups import Group, checked_floor
from rlchf.train.ppo.rewards.preferences import Preference


class PopulationProportional(PreferenceObjective):
    """The logarithm of the largest share of voters who can have a response as their favourite.

    That share is at most u(y), the smallest of the response's win shares against the other texts that
    the policy gave to the same prompt in this batch: a voter who likes y best votes for it against each
    of them, so no group label is needed. The reward is log u + sharpness * u. Trained with a uniform
    reference and a KL coefficient of 1, the policy becomes proportional to u * exp(sharpness * u), which
    is `rlchf.optima.population_proportional`. With few texts in a group, u is too large.

    Parameters
    ----------
    preference
        The win shares: `VoterPreferences` or `Pairwise`.
    sharpness
        How far responses with a large u are preferred beyond their share; 0 is proportional.
    floor
        Lower bound of u, because the logarithm of 0 is infinite.

    References
    ----------
    K. Kim et al., "Beyond RLHF and NLHF: population-proportional alignment", 2025,
    https://arxiv.org/abs/2506.05619. The paper's u is over all responses, here over those sampled.

    Examples
    --------
    >>> from rlchf.train.ppo.rewards import VoterPreferences
    >>> likes = lambda text: lambda prompts, texts: [float(text == other) for other in texts]
    >>> voters = VoterPreferences([likes("a"), likes("b"), likes("c")], [5, 3, 2])
    >>> PopulationProportional(voters)(["p"] * 4, ["a", "b", "c", "a"]).exp()
    tensor([0.6000, 0.4000, 0.3500, 0.6000])
    """

    keeps_shares = True

    def __init__(
        self, preference: Preference, *, sharpness: float = 0.0, floor: float = 0.01
    ) -> None:
        super().__init__(preference)
        self.sharpness, self.floor = sharpness, checked_floor(floor)

    def scores(self, group: Group, shares: Tensor) -> Tensor:
        """(n,) log u + sharpness * u of each row's text."""
        others = shares + torch.eye(len(shares)).to(shares)  # a text does not meet itself
        bounds = others.min(1).values.clamp(self.floor, 1.0)
        return (bounds.log() + self.sharpness * bounds)[group.index].float()
