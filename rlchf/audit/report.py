"""The audit: all measures of an outcome, together."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.audit._cells import Cells
from rlchf.audit._rounds import Unit, rounds_of
from rlchf.audit._tallies import Tallies, tally
from rlchf.audit.agreement import Agreement, agreements
from rlchf.audit.bootstrap import Interval, bootstrap
from rlchf.audit.groups import Grouping
from rlchf.audit.justified import Verdict, justified
from rlchf.audit.margins import Margins, margins
from rlchf.audit.welfare import Welfare, gini, price, welfare
from rlchf.rankings import Rankings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Audit:
    """Agreement of an aggregation with everybody, with each annotator, and with each group.

    Attributes
    ----------
    rule
        The rule that made it.
    overall, annotators, groups
        Agreement of all ballots, of each annotator's and of each group's.
    welfare
        Over the annotators' shares of ``pairs``, ``contested`` and ``top``.
    influence_gini
        Gini coefficient of the annotators' influence per round that they took part in.
    price
        The price of proportionality: the part of Kemeny's agreement over all pairs that is lost.
    margins
        What the majorities look like.
    axioms
        For each unit of decision, justified representation; empty if it was not asked for.
    intervals
        Of the bootstrap; empty if it was not asked for.
    """

    rule: str
    overall: Agreement
    annotators: list[Agreement]
    groups: list[Agreement]
    welfare: dict[str, Welfare]
    influence_gini: float
    price: float
    margins: Margins
    axioms: dict[str, list[Verdict]] = field(default_factory=dict)
    intervals: list[Interval] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written to ``audit.json``; a NaN becomes None."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    def to_frame(self) -> "pd.DataFrame":
        """One row for all, one per group, one per annotator."""
        import pandas as pd

        rows = [("all", self.overall), *(("group", row) for row in self.groups)]
        rows += [("annotator", row) for row in self.annotators]
        return pd.DataFrame([{"kind": kind, **asdict(row)} for kind, row in rows])


def audit(
    rankings: Rankings,
    result: Aggregation,
    groups: Mapping[str, str] | None = None,
    *,
    axioms: bool = False,
    replicates: int = 0,
    seed: int = 0,
) -> Audit:
    """Measure how far collective rankings agree with the ballots behind them.

    Parameters
    ----------
    rankings
        The ballots.
    result
        Collective rankings of the same prompts.
    groups
        Group of each annotator id (a dictionary or a pandas Series); those not named are left out of
        the groups' figures.
    axioms
        Whether to check justified representation, which is a search among groups of annotators.
    replicates
        Of the bootstrap; 0 for none.
    seed
        Of the bootstrap and the search.

    Raises
    ------
    ValueError
        If ``result`` is not about the same prompts and responses.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [("p", "ann", [["a"], ["b"]]), ("p", "bob", [["a"], ["b"]]), ("p", "eve", [["b"], ["a"]])]
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> report = audit(rankings, rlchf.aggregate(rankings, "borda"))
    >>> [(row.name, row.contested) for row in report.annotators]
    [('ann', 1.0), ('bob', 1.0), ('eve', 0.0)]
    """
    if (rankings.prompt_ids, rankings.response_ids) != (result.prompt_ids, result.response_ids):
        raise ValueError("the rankings and the aggregation are not about the same responses")
    grouping = Grouping.of(rankings, groups)
    tallies, P, A = tally(rankings, result), rankings.n_prompts, len(rankings.annotator_ids)
    everybody, each = np.zeros(A, np.int64), np.arange(A)
    nan, all_ballots = float("nan"), agreements(["all"], everybody, tallies, P)[0]
    rows = agreements(rankings.annotator_ids, each, tallies, P)
    weights = mean_weights(tallies, A)
    intervals = []
    if replicates:
        intervals = bootstrap(tallies, everybody, ["all"], P, replicates, seed)
        if grouping.names:
            intervals += bootstrap(tallies, grouping.owners, grouping.names, P, replicates, seed)
    return Audit(
        rule=result.rule,
        overall=replace(all_ballots, ratio=nan, shortfall=nan),  # of the weight, all is theirs
        annotators=rows,
        groups=agreements(grouping.names, grouping.owners, tallies, P),
        welfare={
            measure: welfare(np.array([getattr(row, measure) for row in rows]), weights)
            for measure in ("pairs", "contested", "top")
        },
        influence_gini=gini(*influences(tallies, weights, P)),
        price=price(rankings, result),
        margins=margins(rankings),
        axioms=_axioms(rankings, tallies, grouping, seed) if axioms else {},
        intervals=intervals,
    )


def influences(
    tallies: Tallies, weights: np.ndarray, n_prompts: int
) -> tuple[np.ndarray, np.ndarray]:
    """Influence per unit of weight and round taken part in, and weights, of all who took part."""
    A = len(weights)
    cells = Cells.of(tallies, tallies.annotators, A, n_prompts)
    rounds = np.bincount(cells.owners, minlength=A)
    influence = np.bincount(tallies.annotators, tallies.influence, A)
    there = (rounds > 0) & (weights > 0)
    return influence[there] / (rounds * weights)[there], weights[there]


def mean_weights(tallies: Tallies, n_annotators: int) -> np.ndarray:
    """(A,) the mean weight of each annotator's ballots."""
    ballots = np.bincount(tallies.annotators, minlength=n_annotators)
    total = np.bincount(tallies.annotators, tallies.weights, n_annotators)
    return np.asarray(total / np.maximum(ballots, 1))


def _axioms(
    rankings: Rankings, tallies: Tallies, grouping: Grouping, seed: int
) -> dict[str, list[Verdict]]:
    found = {}
    for unit in get_args(Unit):
        rounds = rounds_of(rankings, tallies, unit)
        if rounds is not None and len(rounds):
            found[unit] = justified(rounds, grouping.members, seed)
    return found


def _plain(value: Any) -> Any:
    """Dictionaries with text as keys, lists, and None for NaN."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
