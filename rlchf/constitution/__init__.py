"""Constitutions: principles that critique, revise and judge responses, and vote like annotators.

References
----------
Y. Bai et al., "Constitutional AI: harmlessness from AI feedback", 2022.
"""

from typing import TYPE_CHECKING

from rlchf.lazy import lazy_names

if TYPE_CHECKING:
    from rlchf.constitution.principles import Constitution, Principle

__all__ = ["Constitution", "Principle"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Constitution": "rlchf.constitution.principles",
        "Principle": "rlchf.constitution.principles",
    },
)
