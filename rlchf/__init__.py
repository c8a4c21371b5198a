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
from rlchf.audit import audit
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings

if TYPE_CHECKING:
    from rlchf.io import read_rankings

__version__ = "0.1.0"
__all__ = ["Aggregation", "Profiles", "Rankings", "aggregate", "audit", "read_rankings", "rules"]


def __getattr__(name: str) -> object:
    """Import the readers when they are first used: they bring in pyarrow."""
    if name == "read_rankings":
        from rlchf.io import read_rankings

        return read_rankings
    raise AttributeError(f"module 'rlchf' has no attribute {name!r}")
