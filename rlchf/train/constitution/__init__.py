"""Language models in Constitutional AI. Nothing here imports torch before it is used."""

from typing import TYPE_CHECKING

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.train.constitution.judge import LocalJudge

__all__ = ["LocalJudge"]

__getattr__, __dir__ = lazy_names(__name__, {"LocalJudge": "rlchf.train.constitution.judge"})
