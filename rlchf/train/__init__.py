"""Training: everything that needs torch lives here."""

import warnings
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from rlchf.display import in_notebook
from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.train import mixture, models, ppo, reward

__all__ = ["mixture", "models", "ppo", "reward"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__)

if in_notebook():
    with warnings.catch_warnings(), suppress(ImportError):
        warnings.simplefilter("ignore")  # that there is no ipywidgets; bars are lines of text then
        import_module("tqdm.auto")  # which transformers imports
