"""Rewards for PPO: callables ``(prompts, responses) -> scores``, made of reward models and functions.

A reward model (`rlchf.train.reward.model.RewardModel`) and any function of that form is a reward as it
is. What is here makes one of several: their weighted sum, a vote among them, and the objectives under
which groups of people keep their share.
"""

from rlchf.train.ppo.rewards.groups import Group, groups_of
from rlchf.train.ppo.rewards.max_min import MaxMin
from rlchf.train.ppo.rewards.preferences import Electorate, Pairwise, Preference
from rlchf.train.ppo.rewards.proportional import PopulationProportional
from rlchf.train.ppo.rewards.remembered import Remembered
from rlchf.train.ppo.rewards.self_play import SelfPlay, WinShare
from rlchf.train.ppo.rewards.vote import Vote
from rlchf.train.ppo.rewards.weighted import WeightedSum

__all__ = [
    "Electorate",
    "Group",
    "MaxMin",
    "Pairwise",
    "PopulationProportional",
    "Preference",
    "Remembered",
    "SelfPlay",
    "Vote",
    "WeightedSum",
    "WinShare",
    "groups_of",
]
