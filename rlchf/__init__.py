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
from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing import audit
from rlchf.lazy import lazy_names
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings

if TYPE_CHECKING:
    from rlchf import (
        auditing,
        comparison,
        evaluation,
        io,
        jury,
        linear,
        mixtures,
        optima,
        people,
        preferences,
        simulate,
        train,
    )
    from rlchf.comparison import Comparison, compare
    from rlchf.comparison.influence import influence
    from rlchf.io import read_annotators, read_prompts, read_rankings, read_responses
    from rlchf.io.aggregations import read_aggregation
    from rlchf.people.weighing import weigh

__version__ = "0.1.0"
__all__ = [
    "Aggregation",
    "Comparison",
    "Profiles",
    "Rankings",
    "aggregate",
    "audit",
    "auditing",
    "compare",
    "comparison",
    "evaluation",
    "influence",
    "io",
    "jury",
    "linear",
    "mixtures",
    "optima",
    "people",
    "preferences",
    "read_aggregation",
    "read_annotators",
    "read_prompts",
    "read_rankings",
    "read_responses",
    "rules",
    "simulate",
    "train",
    "weigh",
]

if not TYPE_CHECKING:  # so that type checkers find misspelt names
    _READERS = ("read_annotators", "read_prompts", "read_rankings", "read_responses")
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            **dict.fromkeys(_READERS, "rlchf.io"),  # which brings in pyarrow
            "read_aggregation": "rlchf.io.aggregations",
            "weigh": "rlchf.people.weighing",
            "influence": "rlchf.comparison.influence",
            **dict.fromkeys(("Comparison", "compare"), "rlchf.comparison"),
        },
    )
