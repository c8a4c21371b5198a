"""Reward models: settings, training, and the trained model. Nothing here imports torch before it is used."""

from typing import TYPE_CHECKING

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.train.reward.config import RewardConfig
    from rlchf.train.reward.model import RewardModel
    from rlchf.train.reward.trainer import train_reward

__all__ = ["RewardConfig", "RewardModel", "train_reward"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "RewardConfig": "rlchf.train.reward.config",
        "RewardModel": "rlchf.train.reward.model",
        "train_reward": "rlchf.train.reward.trainer",
    },
)
