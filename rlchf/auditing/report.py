"""The audit: all measures of an outcome, together."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from rlchf.absent import without_absent
from rlchf.aggregation import Aggregation
from rlchf.auditing._left_out import FOLDS, Tick, leave_out
from rlchf.auditing._orders import LARGEST
from rlchf.auditing._rounds import Unit, rounds_of
from rlchf.auditing._tallies import Tallies, tally
from rlchf.auditing.agreement import Agreement, agreements
from rlchf.auditing.approvals import Approvals, approvals_of
from rlchf.auditing.groups import Grouping, Groups
from rlchf.auditing.held_out import HeldOut, Interval, group_intervals, intervals_of
from rlchf.auditing.justified import Verdict, justified
from rlchf.auditing.margins import Margins, margins
from rlchf.auditing.spread import Spread
from rlchf.auditing.stages import StageShares
from rlchf.auditing.standing import Standing, check_folds, standings_of
from rlchf.auditing.weighting import WeightedFigures
from rlchf.auditing.welfare import Welfare, gini, mean_weights, price_of_fairness, welfare
from rlchf.display import html_table
from rlchf.rankings import Rankings, as_rankings
from rlchf.row_order import by_annotator

if TYPE_CHECKING:
    import pandas as pd


SHOWN = 10
"""Rows that a notebook shows."""

SHOWN_MEASURES = ("pairs", "contested", "first_place")


@dataclass(frozen=True)
class Audit:
    """Agreement of an aggregation with all ballots, with each annotator, and with each group.

    Attributes
    ----------
    rule
        The rule of the aggregation.
    overall, annotators, groups
        Agreement with all ballots, with each annotator's and with each group's, in sample: the outcome was
        made from these ballots. With baselines, a group that is not opposed to the others has no
        representation ratio and no maximum deficit (NaN); see `Standing`.
    welfare
        Welfare over the annotators' shares of ``pairs``, ``contested`` and ``first_place``, in sample.
    influence_gini
        Gini coefficient of the annotators' influence per round with a ballot of theirs.
    price_of_fairness
        The part of Kemeny's agreement over all pairs that the outcome gives up.
    large_prompts
        Number of prompts with more than eight responses, which the price of fairness and the positions leave
        out.
    margins
        The sizes of the majorities.
    approvals
        Responses that a majority approves, and who approves nothing that won.
    anonymous
        Number of annotators who are not known, whose ids begin with "anonymous:". If there is one, figures
        of single people are left out: ``annotators``, ``welfare``, ``axioms``, ``intervals`` and
        ``standings`` are empty, ``held_out`` is None and ``influence_gini`` is NaN, since an id does not
        stand for one person.
    axioms
        Justified representation over each unit of decision; an empty list where no two ballots disagree.
        Empty if it was not measured.
    intervals
        Agreement held out with its intervals, of all and of each group; see `Interval`. Those of all are for
        the sizes of the first division's groups. Empty if it was not measured.
    held_out
        How agreement was held out, and the annotators' shares; None if it was not measured.
    standings
        Each group's position between a random order and its own ranking; see `Standing`. Empty if it was
        not measured, if there are no groups, or if annotators are anonymous.
    stages
        Each group's share at every stage; see `trace_shares`. Empty if it was not measured.
    spread
        Measures over shuffles of the prompts; see `spread`. Empty if it was not measured.
    weights
        Weights from an annotators file: who counts for how much, and agreement with and without them; None
        without such weights. See `WeightedFigures`.
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
    large_prompts: int = 0
    anonymous: int = 0
    axioms: dict[str, list[Verdict]] = field(default_factory=dict)
    intervals: list[Interval] = field(default_factory=list)
    held_out: HeldOut | None = None
    standings: list[Standing] = field(default_factory=list)
    stages: list[StageShares] = field(default_factory=list)
    spread: list[Spread] = field(default_factory=list)
    weights: WeightedFigures | None = None
    scores: "Audit | None" = None

    def __repr__(self) -> str:
        names = ("pairs", "contested pairs", "first places")
        shares = zip(names, self._shares_of("all", self.overall), strict=True)
        known = (f"{share:.3f} of {name}" for name, share in shares if not math.isnan(share))
        return (
            f"<Audit of {self.rule}: {len(self.annotators)} annotators, {len(self.groups)} groups>\n"
            f"  agreement {self._sample}: {', '.join(known)}"
        )

    @property
    def _sample(self) -> str:
        return "held out" if self.held_out and self.held_out.again else "in sample"

    def _shares_of(self, name: str, row: Agreement) -> list[float]:
        """A row's shares: held out if they were measured, else in sample."""
        held_out = {i.measure: i.value for i in self.intervals if i.name == name}
        return [held_out.get(measure, getattr(row, measure)) for measure in SHOWN_MEASURES]

    def _repr_html_(self) -> str:
        rows = [(row.name, self._shares_of(row.name, row)) for row in (self.overall, *self.groups)]
        of_people = self.held_out.annotators if self.held_out else self.annotators
        for row in of_people[: SHOWN - len(rows)]:
            rows.append((row.name, [getattr(row, measure) for measure in SHOWN_MEASURES]))
        text = [[name, *(f"{share:.3f}" for share in shares)] for name, shares in rows[:SHOWN]]
        title = f"Audit of {self.rule}, agreement {self._sample}"
        return html_table(title, ("name", *SHOWN_MEASURES), text)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written to ``audit.json``; a NaN becomes None."""
        values: dict[str, Any] = plain(asdict(self))
        return values

    def to_frame(self) -> "pd.DataFrame":
        """One row for all, one per group, one per annotator: in sample, and held out if it was measured."""
        import pandas as pd

        rows = [("all", self.overall), *(("group", row) for row in self.groups)]
        rows += [("annotator", row) for row in self.annotators]
        frame = pd.DataFrame([{"kind": kind, **asdict(row)} for kind, row in rows])
        if self.held_out and self.held_out.again:
            shares = [self._shares_of(row.name, row) for row in (self.overall, *self.groups)]
            people = self.held_out.annotators
            shares += [[getattr(row, name) for name in SHOWN_MEASURES] for row in people]
            columns = zip(SHOWN_MEASURES, zip(*shares, strict=True), strict=True)
            frame = frame.assign(**{f"{name}_held_out": values for name, values in columns})
        return frame


def audit(
    rankings: Rankings | Any,
    result: Aggregation,
    groups: Groups | None = None,
    *,
    axioms: bool = False,
    baselines: bool = False,
    folds: int = FOLDS,
    seed: int = 0,
    tick: Tick | None = None,
) -> Audit:
    """Measure how far collective rankings agree with the ballots behind them.

    Annotators with the weight 0 are absent: no figure counts them.

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
        Whether to measure agreement held out, with intervals, and where the groups stand.
    folds
        Parts of the annotators, without each of which the rule runs again for that; 0 takes the outcome as it
        is given.
    seed
        Random seed of the search.
    tick
        Called with the number of outcomes made again, and of all, for each division into groups.

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
    check_folds(folds)
    rankings = by_annotator(without_absent(rankings))  # sums do not depend on the order of the rows
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
        large_prompts=int((np.diff(rankings.response_starts) > LARGEST).sum()),
        anonymous=len(rankings.anonymous),
    )
    if report.anonymous:
        approvals = replace(report.approvals, without=[], without_weight=nan)
        return replace(report, approvals=approvals)
    if baselines:
        report = _with_baselines(report, rankings, result, groupings, folds, tick)
    rows, weights = agreements(tallies, Grouping.by_annotator(rankings)), mean_weights(rankings)
    return replace(
        report,
        annotators=rows,
        welfare={
            measure: welfare(np.array([getattr(row, measure) for row in rows]), weights)
            for measure in ("pairs", "contested", "first_place")
        },
        influence_gini=gini(*influences(tallies, weights)),
        axioms=_axioms(rankings, tallies, groupings, seed) if axioms else {},
    )


def _with_baselines(
    report: Audit,
    rankings: Rankings,
    result: Aggregation,
    groupings: Sequence[Grouping],
    folds: int,
    tick: Tick | None,
) -> Audit:
    """The report with the figures that need an outcome without each annotator."""
    parts = [
        (grouping, leave_out(rankings, result, grouping, folds, tick))
        for grouping in groupings or [Grouping.everybody(rankings)]
    ]
    standing = [row for grouping, part in parts for row in standings_of(rankings, part, grouping)]
    intervals = [row for grouping, part in parts for row in group_intervals(part, grouping)]
    first = parts[0][1]
    held_out = HeldOut.of(first, rankings.annotator_ids, mean_weights(rankings), groupings)
    if not groupings:
        return replace(report, intervals=intervals_of(first, "all"), held_out=held_out)
    opposed = {row.name for row in standing if row.opposed}
    return replace(
        report,
        groups=_with_ratios_where_opposed(report.groups, standing),
        intervals=[
            *intervals_of(first, "all"),
            *(i for i in intervals if i.measure != "representation_ratio" or i.name in opposed),
        ],
        standings=standing,
        held_out=held_out,
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
