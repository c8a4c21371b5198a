"""The audit: all measures of an outcome, together."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._cells import Cells
from rlchf.auditing._rounds import Unit, rounds_of
from rlchf.auditing._tallies import Tallies, tally
from rlchf.auditing.agreement import Agreement, agreements
from rlchf.auditing.bootstrap import Interval, bootstrap, check_replicates
from rlchf.auditing.groups import Grouping, Groups
from rlchf.auditing.justified import Verdict, justified
from rlchf.auditing.margins import Margins, margins
from rlchf.auditing.spread import Spread
from rlchf.auditing.stages import Step
from rlchf.auditing.welfare import Welfare, gini, mean_weights, price, welfare
from rlchf.rankings import Rankings, as_rankings

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
        For each unit of decision, justified representation; an empty list where there is nothing to
        contest. Empty if it was not asked for.
    intervals
        Of the bootstrap; empty if it was not asked for.
    steps
        Each group's share at every stage; see `follow`. Empty if it was not asked for.
    spread
        Over shuffles of the prompts; see `spread`. Empty if it was not asked for.
    scores
        The audit of a reward model's orders; None if it was not asked for.
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
    steps: list[Step] = field(default_factory=list)
    spread: list[Spread] = field(default_factory=list)
    scores: "Audit | None" = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written to ``audit.json``; a NaN becomes None."""
        found: dict[str, Any] = plain(asdict(self))
        return found

    def to_frame(self) -> "pd.DataFrame":
        """One row for all, one per group, one per annotator."""
        import pandas as pd

        rows = [("all", self.overall), *(("group", row) for row in self.groups)]
        rows += [("annotator", row) for row in self.annotators]
        return pd.DataFrame([{"kind": kind, **asdict(row)} for kind, row in rows])


def audit(
    rankings: Rankings | Any,
    result: Aggregation,
    groups: Groups | None = None,
    *,
    axioms: bool = False,
    replicates: int = 0,
    seed: int = 0,
) -> Audit:
    """Measure how far collective rankings agree with the ballots behind them.

    Parameters
    ----------
    rankings
        The ballots, or a table that `Rankings.from_frame` takes.
    result
        Collective rankings of the same prompts.
    groups
        Group of each annotator id (a dictionary or a pandas Series), or several of these by name;
        those not named are left out of the groups' figures.
    axioms
        Whether to check justified representation, which is a search among groups of annotators.
    replicates
        Of the bootstrap, 40 or more; 0 for none.
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
    rankings = as_rankings(rankings)
    if (rankings.prompt_ids, rankings.response_ids) != (result.prompt_ids, result.response_ids):
        raise ValueError("the rankings and the aggregation are not about the same responses")
    check_replicates(replicates)
    groupings = Grouping.each(rankings, groups)
    tallies, P, A = tally(rankings, result), rankings.n_prompts, len(rankings.annotator_ids)
    everybody, each = np.zeros(A, np.int64), np.arange(A)
    nan, all_ballots = float("nan"), agreements(["all"], everybody, tallies, P)[0]
    rows = agreements(rankings.annotator_ids, each, tallies, P)
    weights = mean_weights(rankings)
    intervals = []
    if replicates:
        intervals = bootstrap(tallies, everybody, ["all"], P, replicates, seed)
        for one in groupings:
            intervals += bootstrap(tallies, one.owners, one.names, P, replicates, seed)
    return Audit(
        rule=result.rule,
        overall=replace(all_ballots, ratio=nan, shortfall=nan),  # of the weight, all is theirs
        annotators=rows,
        groups=[row for one in groupings for row in agreements(one.names, one.owners, tallies, P)],
        welfare={
            measure: welfare(np.array([getattr(row, measure) for row in rows]), weights)
            for measure in ("pairs", "contested", "top")
        },
        influence_gini=gini(*influences(tallies, weights, P)),
        price=price(rankings, result),
        margins=margins(rankings),
        axioms=_axioms(rankings, tallies, groupings, seed) if axioms else {},
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


def _axioms(
    rankings: Rankings, tallies: Tallies, groupings: Sequence[Grouping], seed: int
) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    members = [group for grouping in groupings for group in grouping.members]
    for unit in get_args(Unit):
        rounds = rounds_of(rankings, tallies, unit)
        if rounds is not None:
            found[unit] = justified(rounds, members, seed) if len(rounds) else []
    return found


def plain(value: Any) -> Any:
    """Dictionaries with text as keys, lists, and None for NaN."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
