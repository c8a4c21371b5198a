"""Language models by name, a tiny one made from nothing, and texts as token ids."""

from typing import TYPE_CHECKING

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.train.models.load import load_policy, load_tokenizer
    from rlchf.train.models.tiny import fit_supervised, tiny_llama

__all__ = ["fit_supervised", "load_policy", "load_tokenizer", "tiny_llama"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "fit_supervised": "rlchf.train.models.tiny",
        "load_policy": "rlchf.train.models.load",
        "load_tokenizer": "rlchf.train.models.load",
        "tiny_llama": "rlchf.train.models.tiny",
    },
)
