"""Training: everything that needs torch lives here."""

from typing import TYPE_CHECKING

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.train import mixture, models, ppo, reward

__all__ = ["mixture", "models", "ppo", "reward"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__)
