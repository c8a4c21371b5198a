"""Reinforcement learning from collective human feedback.

>>> import rlchf
>>> rankings = rlchf.Rankings.from_ballots(
...     [("p", "ann", [["a"], ["b"]]), ("p", "bob", [["a"], ["b"]]), ("p", "eve", [["b"], ["a"]])]
... )
>>> rlchf.aggregate(rankings, rule="kemeny").ranking("p")
[['a'], ['b']]
"""

from typing import TYPE_CHECKING

from rlchf import rules
from rlchf.aggregate import Aggregation, aggregate
from rlchf.auditing import audit
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings

if TYPE_CHECKING:
    from rlchf.io import read_annotators, read_prompts, read_rankings, read_responses

__version__ = "0.1.0"
__all__ = [
    "Aggregation",
    "Profiles",
    "Rankings",
    "aggregate",
    "audit",
    "read_annotators",
    "read_prompts",
    "read_rankings",
    "read_responses",
    "rules",
]


def __getattr__(name: str) -> object:
    """Import the readers when they are first used: they bring in pyarrow."""
    if name.startswith("read_") and name in __all__:
        from rlchf import io

        return getattr(io, name)
    raise AttributeError(f"module 'rlchf' has no attribute {name!r}")
