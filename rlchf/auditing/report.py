"""The audit: all measures of an outcome, together."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._left_out import FOLDS
from rlchf.auditing._rounds import Unit, rounds_of
from rlchf.auditing._tallies import Tallies, tally
from rlchf.auditing.agreement import Agreement, agreements
from rlchf.auditing.approvals import Approvals, approvals_of
from rlchf.auditing.bootstrap import Interval, bootstrap, check_replicates
from rlchf.auditing.groups import Grouping, Groups
from rlchf.auditing.justified import Verdict, justified
from rlchf.auditing.margins import Margins, margins
from rlchf.auditing.spread import Spread
from rlchf.auditing.stages import StageShares
from rlchf.auditing.standing import Standing, standings
from rlchf.auditing.welfare import Welfare, gini, mean_weights, price_of_fairness, welfare
from rlchf.display import html_table
from rlchf.rankings import Rankings, as_rankings

if TYPE_CHECKING:
    import pandas as pd


SHOWN = 10
"""Rows that a notebook shows."""


@dataclass(frozen=True)
class Audit:
    """Agreement of an aggregation with all ballots, with each annotator, and with each group.

    Attributes
    ----------
    rule
        The rule of the aggregation.
    overall, annotators, groups
        Agreement with all ballots, with each annotator's and with each group's. With baselines, a group that
        is not opposed to the others has no representation ratio and no maximum deficit (NaN); see `Standing`.
    welfare
        Welfare over the annotators' shares of ``pairs``, ``contested`` and ``first_place``.
    influence_gini
        Gini coefficient of the annotators' influence per round with a ballot of theirs.
    price_of_fairness
        The part of Kemeny's agreement over all pairs that the outcome gives up.
    margins
        The sizes of the majorities.
    approvals
        Responses that a majority approves, and who approves nothing that won.
    anonymous
        Number of annotators who are not known, whose ids begin with "anonymous:". If there is one, figures
        of single people are left out: ``annotators``, ``welfare``, ``axioms``, ``intervals`` and
        ``standings`` are empty and ``influence_gini`` is NaN, since an id does not stand for one person.
    axioms
        Justified representation over each unit of decision; an empty list where no two ballots disagree.
        Empty if it was not measured.
    intervals
        The bootstrap's intervals; empty if there were no replicates.
    standings
        Each group's position between a random order and its own ranking; see `Standing`. Empty if it was
        not measured, if there are no groups, or if annotators are anonymous.
    stages
        Each group's share at every stage; see `trace_shares`. Empty if it was not measured.
    spread
        Measures over shuffles of the prompts; see `spread`. Empty if it was not measured.
    scores
        The audit of a reward model's orders; None if there is no reward model.
    """

    rule: str
    overall: Agreement
    annotators: list[Agreement]
    groups: list[Agreement]
    welfare: dict[str, Welfare]
    influence_gini: float
    price_of_fairness: float
    margins: Margins
    approvals: Approvals
    anonymous: int = 0
    axioms: dict[str, list[Verdict]] = field(default_factory=dict)
    intervals: list[Interval] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    stages: list[StageShares] = field(default_factory=list)
    spread: list[Spread] = field(default_factory=list)
    scores: "Audit | None" = None

    def __repr__(self) -> str:
        overall = self.overall
        return (
            f"<Audit of {self.rule}: {len(self.annotators)} annotators, {len(self.groups)} groups>\n"
            f"  agreement: {overall.pairs:.3f} of pairs, {overall.contested:.3f} of contested pairs, "
            f"{overall.first_place:.3f} of first places"
        )

    def _repr_html_(self) -> str:
        names = ("name", "pairs", "contested", "first_place")
        rows = [self.overall, *self.groups, *self.annotators][:SHOWN]
        cells = [[getattr(row, name) for name in names] for row in rows]
        text = [[one if isinstance(one, str) else f"{one:.3f}" for one in row] for row in cells]
        return html_table(f"Audit of {self.rule}", names, text)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written to ``audit.json``; a NaN becomes None."""
        values: dict[str, Any] = plain(asdict(self))
        return values

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
    baselines: bool = False,
    folds: int = FOLDS,
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
        Group of each annotator id (a dictionary or a pandas Series), or several such divisions by name;
        annotators without a group are left out of the groups' figures.
    axioms
        Whether to check justified representation, which is a search among groups of annotators.
    baselines
        Whether to measure where the groups stand.
    folds
        Parts of the annotators, without each of which the rule runs again for that; 0 takes the outcome as it
        is given.
    replicates
        Number of bootstrap replicates, 40 or more; 0 for none.
    seed
        Random seed of the bootstrap and the search.

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
    if not isinstance(result, Aggregation):
        raise TypeError(
            f"result is of type {type(result).__name__}; give what rlchf.aggregate returned, or read a "
            "file of results with rlchf.read_aggregation"
        )
    if groups is not None and not hasattr(groups, "items"):
        raise TypeError(
            f"groups is of type {type(groups).__name__}; give a group for each annotator id, such as "
            'annotators["region"]'
        )
    check_replicates(replicates)
    tallies = tally(rankings, result)
    groupings, everybody = Grouping.each(rankings, groups), Grouping.everybody(rankings)
    overall, nan = agreements(tallies, everybody)[0], float("nan")
    report = Audit(
        rule=result.rule,
        overall=replace(overall, representation_ratio=nan, maximum_deficit=nan),  # all the weight
        annotators=[],
        groups=[row for grouping in groupings for row in agreements(tallies, grouping)],
        welfare={},
        influence_gini=nan,
        price_of_fairness=price_of_fairness(rankings, result),
        margins=margins(rankings),
        approvals=approvals_of(rankings, tallies, _seats(result)),
        anonymous=len(rankings.anonymous),
    )
    if report.anonymous:
        approvals = replace(report.approvals, without=[], without_weight=nan)
        return replace(report, approvals=approvals)
    standing = [
        row
        for grouping in groupings
        if baselines
        for row in standings(rankings, result, grouping, folds)
    ]
    if baselines:
        report = replace(report, groups=_with_ratios_where_opposed(report.groups, standing))
    rows, weights = agreements(tallies, Grouping.by_annotator(rankings)), mean_weights(rankings)
    intervals = []
    for grouping in [everybody, *groupings] if replicates else []:
        intervals += bootstrap(tallies, grouping, replicates, seed)
    return replace(
        report,
        annotators=rows,
        welfare={
            measure: welfare(np.array([getattr(row, measure) for row in rows]), weights)
            for measure in ("pairs", "contested", "first_place")
        },
        influence_gini=gini(*influences(tallies, weights)),
        axioms=_axioms(rankings, tallies, groupings, seed) if axioms else {},
        intervals=intervals,
        standings=standing,
    )


def _with_ratios_where_opposed(
    groups: list[Agreement], standing: list[Standing]
) -> list[Agreement]:
    """The groups; those that are not opposed to the others have no representation ratio and no deficit."""
    nan = float("nan")
    return [
        row if s.opposed else replace(row, representation_ratio=nan, maximum_deficit=nan)
        for row, s in zip(groups, standing, strict=True)
    ]


def _seats(result: Aggregation) -> int:
    """The number of responses that win on each prompt: that of a committee, if the rule elected one."""
    seats = None if result.rule == "k_approval" else result.options.get("k")
    return seats if isinstance(seats, int) and seats > 0 else 1


def influences(tallies: Tallies, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Influence per unit of weight and round, and weights, of all annotators with a round and a weight."""
    A = len(weights)
    weighted = tallies.weights > 0
    keys = np.sort(tallies.annotators[weighted] * tallies.n_prompts + tallies.prompts[weighted])
    is_new = np.diff(keys, prepend=-1) > 0
    rounds = np.bincount(keys[is_new] // tallies.n_prompts, minlength=A)
    influence = np.bincount(tallies.annotators, tallies.influence, A)
    present = (rounds > 0) & (weights > 0)
    return influence[present] / (rounds * weights)[present], weights[present]


def _axioms(
    rankings: Rankings, tallies: Tallies, groupings: Sequence[Grouping], seed: int
) -> dict[str, list[Verdict]]:
    verdicts: dict[str, list[Verdict]] = {}
    members = [group for grouping in groupings for group in grouping.members]
    for unit in get_args(Unit):
        rounds = rounds_of(rankings, tallies, unit)
        if rounds is not None:
            verdicts[unit] = justified(rounds, members, seed) if len(rounds) else []
    return verdicts


def plain(value: Any) -> Any:
    """The value with text as keys of dictionaries, lists in place of tuples, and None in place of NaN."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value
