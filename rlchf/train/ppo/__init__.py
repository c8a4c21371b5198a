"""PPO: settings, the loop, and the functions it is made of. Nothing here imports torch before it is used."""

from typing import TYPE_CHECKING

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.train.ppo.config import PPOConfig
    from rlchf.train.ppo.loop import PPO, ppo
    from rlchf.train.ppo.sampling import sample_texts
    from rlchf.train.ppo.setup import Setup

__all__ = ["PPO", "PPOConfig", "Setup", "ppo", "sample_texts"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "PPO": "rlchf.train.ppo.loop",
        "PPOConfig": "rlchf.train.ppo.config",
        "Setup": "rlchf.train.ppo.setup",
        "ppo": "rlchf.train.ppo.loop",
        "sample_texts": "rlchf.train.ppo.sampling",
    },
)
