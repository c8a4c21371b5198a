"""Rewards for PPO: callables ``(prompts, responses) -> scores``, made of reward models and functions.

A reward model (`rlchf.train.reward.model.RewardModel`) and any function of that form is a reward as it
is. This package combines several into one: their weighted sum, a vote among them, and the objectives
under which groups of people keep their shares.

A new way to combine rewards is one file with a class derived from
`rlchf.train.ppo.rewards.combination.Combination`, and one line in `COMBINE`. The class says in its
attributes what it compares and keeps; its options are the keyword-only parameters of its ``__init__``.
It keeps its parts in ``rewards``, and forwards their state as
`rlchf.train.ppo.rewards.weighted_sum.WeightedSum` does. Its name in ``__all__`` and under
``TYPE_CHECKING`` is for editors and type checkers.
"""

import importlib
from typing import TYPE_CHECKING, Literal

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.train.ppo.rewards.combination import Combination
    from rlchf.train.ppo.rewards.gdpo import GDPO
    from rlchf.train.ppo.rewards.groups import Group, groups_of
    from rlchf.train.ppo.rewards.logged import LoggedReward
    from rlchf.train.ppo.rewards.max_min import MaxMin
    from rlchf.train.ppo.rewards.population_proportional import PopulationProportional
    from rlchf.train.ppo.rewards.preferences import Pairwise, Preference, VoterPreferences
    from rlchf.train.ppo.rewards.self_play import SelfPlay
    from rlchf.train.ppo.rewards.share_targets import ShareTargets
    from rlchf.train.ppo.rewards.vote import Vote
    from rlchf.train.ppo.rewards.weighted_sum import WeightedSum
    from rlchf.train.ppo.rewards.win_share import WinShare

__all__ = [
    "COMBINE",
    "GDPO",
    "Combination",
    "Combine",
    "Group",
    "LoggedReward",
    "MaxMin",
    "Pairwise",
    "PopulationProportional",
    "Preference",
    "SelfPlay",
    "ShareTargets",
    "Vote",
    "VoterPreferences",
    "WeightedSum",
    "WinShare",
    "combination_named",
    "groups_of",
]

COMBINE = {
    "sum": ("weighted_sum", "WeightedSum"),
    "vote": ("vote", "Vote"),
    "max_min": ("max_min", "MaxMin"),
    "gdpo": ("gdpo", "GDPO"),
    "self_play": ("self_play", "SelfPlay"),
    "win_share": ("win_share", "WinShare"),
    "population_proportional": ("population_proportional", "PopulationProportional"),
    "share_targets": ("share_targets", "ShareTargets"),
}
"""Ways to combine several rewards into one, by their names on the command line: module and class.

The names are known without torch; `combination_named` imports the class.
"""

if TYPE_CHECKING:
    Combine = str
else:
    Combine = Literal[tuple(COMBINE)]


def combination_named(name: str) -> "type[Combination]":
    """The class of a way to combine rewards.

    Examples
    --------
    >>> combination_named("win_share").keeps_shares
    True
    """
    module, attribute = COMBINE[name]
    kind: type[Combination] = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    return kind


__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Combination": f"{__name__}.combination",
        "Group": f"{__name__}.groups",
        "LoggedReward": f"{__name__}.logged",
        "Pairwise": f"{__name__}.preferences",
        "Preference": f"{__name__}.preferences",
        "VoterPreferences": f"{__name__}.preferences",
        "groups_of": f"{__name__}.groups",
    }
    | {attribute: f"{__name__}.{module}" for module, attribute in COMBINE.values()},
)
