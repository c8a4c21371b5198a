"""Who gains under which rule: agreement held out, of everybody and of each group, for every rule."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing._left_out import FOLDS, LeftOut, leave_out_each, measured_prompts
from rlchf.auditing.estimates import NONE, Estimate
from rlchf.auditing.groups import Grouping, Groups
from rlchf.auditing.standing import check_folds, standings_of
from rlchf.auditing.welfare import price_of_fairness
from rlchf.comparison.admitted import looks_across, seconds
from rlchf.comparison.paired import Figure, lowest, share
from rlchf.comparison.without import outcomes_without_each
from rlchf.display import listed
from rlchf.rankings import Rankings

MEMBERS = 2
"""Members with comparable ballots that a group has at least to be called the least satisfied."""

BUDGET = 40.0
"""Seconds that the rules may take to run again without parts of the annotators, each an equal share."""
FEWER = (10, 5)
"""Parts of the annotators where a rule takes longer than its share."""
MOST = 20.0
"""Seconds that a rule may take with the fewest parts; a slower one is not made again."""
MEMORY = 2**29
"""Bytes of the figures of all rules that are measured at a time."""

ANONYMOUS = (
    "Annotators are anonymous, so no outcome can be made without one of them: agreement held out, of "
    "everybody and of groups, is not measured."
)


@dataclass(frozen=True)
class GroupGain:
    """How a rule serves a group; each figure is held out, as in `rlchf.auditing.Standing`.

    Attributes
    ----------
    name
        The group.
    annotators, weight
        Number of members who have comparable ballots, and the group's share of the weight.
    contested
        Share of the contested pairs on the members' ballots that agree with the outcome.
    random, others, best
        The same for a random order, for the ranking of everybody outside of the group, and for that of the
        group's other members, whatever the rule.
    position
        (contested - random) / (best - random), over prompts with up to eight responses.
    representation_ratio
        Contested pairs agreed divided by those deserved by weight; NaN if the group is not opposed to the
        others.
    far_behind
        Whether the group is far behind most groups.
    losing
        Whether the outcome agrees with the group less than a random order does, by the interval.
    """

    name: str
    annotators: int
    weight: float
    contested: Estimate
    random: float
    others: Estimate
    best: Estimate
    position: Estimate
    representation_ratio: Estimate
    far_behind: bool
    losing: bool


@dataclass(frozen=True, eq=False)
class RuleGains:
    """How a rule serves people.

    Attributes
    ----------
    rule
        The rule.
    again
        Whether the outcome was made again without each part of the annotators, so that the figures are held
        out. Where it was not, though others were, its figures are NaN, but for the price.
    pairs, contested, first_place
        Agreement of everybody's ballots: over all pairs, over contested pairs, and of first places.
    price
        The part of the highest possible agreement over all pairs, that of Kemeny's rule, that the rule gives
        up, in sample: the price of proportionality of a proportional rule.
    groups
        The groups' figures.
    mean, least
        Agreement over all pairs, and over contested pairs of the least satisfied group, with what a
        comparison between rules needs.
    agreed
        For each division of the people, (N,) the contested pairs of each ballot that agree with the outcome.
    """

    rule: str
    again: bool
    pairs: Estimate
    contested: Estimate
    first_place: Estimate
    price: float
    groups: list[GroupGain]
    mean: Figure
    least: Figure | None
    agreed: list[np.ndarray]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        names = ("rule", "again", "pairs", "contested", "first_place")
        return {
            **{
                name: asdict(value) if isinstance(value := getattr(self, name), Estimate) else value
                for name in names
            },
            "price": self.price,
            "groups": [asdict(group) for group in self.groups],
        }


@dataclass(frozen=True)
class Gains:
    """How each rule serves people.

    Attributes
    ----------
    rules
        The rules' figures; empty if annotators are anonymous.
    folds
        Parts of the annotators, without each of which the rules ran again; 0 if they did not.
    notes
        Sentences about what is not measured.
    stated
        (N,) the contested pairs of each ballot, whatever the rule.
    """

    rules: list[RuleGains]
    folds: int
    notes: list[str] = field(default_factory=list)
    stated: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "folds": self.folds,
            "notes": self.notes,
            "rules": [row.to_dict() for row in self.rules],
        }


def measure_gains(
    rankings: Rankings,
    results: Mapping[str, Aggregation],
    groups: Groups | None = None,
    *,
    folds: int = FOLDS,
    tick: Callable[[int, int], object] | None = None,
) -> Gains:
    """Measure how each rule serves everybody and each group, by people who had no part in the outcome.

    Parameters
    ----------
    results
        The collective rankings of each rule, by its name.
    groups
        As in `rlchf.audit`.
    folds
        Parts of the annotators, without each of which every rule runs again; 0 takes the outcomes as given.
    tick
        Called with the number of outcomes done, and of all.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [(p, name, "a > b" if name < "g" else "b > a") for p in range(10) for name in "abcdefghij"]
    >>> groups = {name: "many" if name < "g" else "few" for name in "abcdefghij"}
    >>> rankings = rlchf.Rankings.from_ballots(ballots)
    >>> rules = {rule: rlchf.aggregate(rankings, rule) for rule in ("borda", "perpetual_pav")}
    >>> gains = measure_gains(rankings, rules, groups)
    >>> [(row.rule, [round(g.contested.value, 1) for g in row.groups]) for row in gains.rules]
    [('borda', [0.0, 1.0]), ('perpetual_pav', [0.4, 0.6])]
    """
    check_folds(folds)
    if rankings.anonymous:
        return Gains([], 0, [ANONYMOUS])
    groupings = Grouping.each(rankings, groups) or [Grouping.everybody(rankings)]
    affordable = _affordable_folds(rankings, results, folds, len(groupings))
    rows: dict[str, RuleGains] = {}
    stated, done = np.zeros(0), _Progress(2 * len(results) * len(groupings), tick)
    for number, names in _chunks(rankings, affordable, len(groupings)):
        of_groupings = []
        for grouping in groupings:
            chosen = {rule: results[rule] for rule in names}
            of_groupings.append(_leave_out(rankings, chosen, grouping, number, done))
        for rule, *parts in zip(names, *of_groupings, strict=True):
            rows[rule] = _rule_gains(
                rankings, rule, results[rule], groupings, parts, groups is not None
            )
            if folds and not rows[rule].again:
                rows[rule] = _without_figures(rows[rule])
            stated = parts[0].ballots[:, 3]
    ordered = [rows[rule] for rule in results]
    return Gains(ordered, folds, _notes(ordered, affordable, folds), stated)


def _leave_out(
    rankings: Rankings,
    results: Mapping[str, Aggregation],
    grouping: Grouping,
    folds: int,
    done: "_Progress",
) -> list[LeftOut]:
    """The figures of some rules, made again without each part of the annotators."""
    kept = np.flatnonzero(measured_prompts(rankings))
    made = outcomes_without_each(rankings, results, grouping, folds, kept, done.part(len(results)))
    ranks = [made[rule] for rule in results]
    whole = list(results.values())
    across = [looks_across(rule) for rule in results]
    return leave_out_each(
        rankings, whole, grouping, folds, ranks, done.part(len(results)), sequential=across
    )


class _Progress:
    """Ticks of parts of the work, each of which is so many of all steps."""

    def __init__(self, total: int, tick: Callable[[int, int], object] | None) -> None:
        self.total, self.tick, self.done = total, tick, 0

    def part(self, size: int) -> Callable[[int, int], object] | None:
        """The tick of the next part."""
        start, self.done = self.done, self.done + size
        tick = self.tick
        if tick is None:
            return None
        return lambda done, of: tick(start + int(size * done / max(of, 1)), self.total)


def _chunks(
    rankings: Rankings, folds: Mapping[str, int], groupings: int
) -> Iterator[tuple[int, list[str]]]:
    """Rules with equally many parts of the annotators, as many at a time as fit into the memory."""
    for number in sorted(set(folds.values()), reverse=True):
        names = [rule for rule, n in folds.items() if n == number]
        size = 48 * rankings.n_ballots * groupings + 8 * number * len(rankings.response_ids)
        step = max(MEMORY // size, 1)
        for start in range(0, len(names), step):
            yield number, names[start : start + step]


def _affordable_folds(
    rankings: Rankings, results: Mapping[str, Aggregation], folds: int, groupings: int
) -> dict[str, int]:
    """The parts of the annotators by rule: fewer, but at least five, where a rule is slow, or none at all."""
    allowance, found = BUDGET / max(len(results), 1), {}
    for rule in results:
        time = seconds(rule, rankings) * groupings
        fits = [n for n in (folds, *FEWER) if n <= folds and n * time <= allowance]
        least = min(folds, FEWER[-1])
        found[rule] = fits[0] if fits else least if least * time <= MOST else 0
    return found


def _notes(rows: Sequence[RuleGains], affordable: Mapping[str, int], folds: int) -> list[str]:
    """Which rules have fewer parts, and which are in sample."""
    notes = []
    for number in sorted({n for n in affordable.values() if 0 < n < folds}, reverse=True):
        slow = [rule for rule, n in affordable.items() if n == number]
        verb = "is" if len(slow) == 1 else "are"
        notes.append(
            f"{listed(slow, 12)} {verb} slow on this file, so people are left out in {number} parts instead "
            f"of {folds}."
        )
    for row in rows:
        if folds and not row.again:
            too_long = affordable[row.rule] == 0
            reason = "would take too long to make again" if too_long else "could not be made again"
            notes.append(
                f"The outcome of {row.rule} {reason} without some of the annotators, so it has no figures "
                "held out."
            )
    return notes


def _rule_gains(
    rankings: Rankings,
    rule: str,
    result: Aggregation,
    groupings: Sequence[Grouping],
    parts: Sequence[LeftOut],
    grouped: bool,
) -> RuleGains:
    first = parts[0]
    of_groups = [
        group
        for grouping, part in zip(groupings, parts, strict=True)
        for group in _group_gains(rankings, grouping, part)
    ]
    return RuleGains(
        rule=rule,
        again=first.again,
        pairs=first.estimate("pairs"),
        contested=first.estimate("contested"),
        first_place=first.estimate("first_place"),
        price=price_of_fairness(rankings, result),
        groups=of_groups if grouped else [],
        mean=share(first.ballots[:, 0], first.ballots[:, 1], rankings.ballot_weights),
        least=_least(rankings, groupings, parts, of_groups) if grouped else None,
        agreed=[part.ballots[:, 2].astype(np.float32) for part in parts] if grouped else [],
    )


def _without_figures(row: RuleGains) -> RuleGains:
    """The figures of a rule that could not be made again: figures in sample are not set beside others."""
    groups = [
        replace(
            group,
            contested=NONE,
            position=NONE,
            representation_ratio=NONE,
            far_behind=False,
            losing=False,
        )
        for group in row.groups
    ]
    mean = Figure(float("nan"), np.zeros(len(row.mean.influence)))
    return replace(
        row, pairs=NONE, contested=NONE, first_place=NONE, groups=groups, mean=mean, least=None
    )


def _group_gains(rankings: Rankings, grouping: Grouping, part: LeftOut) -> list[GroupGain]:
    """The figures of each group; where all prompts are too large for a position, those that remain."""
    voters = grouping.owners[np.unique(rankings.ballot_annotators)]
    return [
        GroupGain(
            name=row.name,
            annotators=row.annotators or int((voters == g).sum()),
            weight=row.weight,
            contested=part.estimate("contested", g),
            random=0.5,
            others=row.others,
            best=row.best,
            position=row.position,
            representation_ratio=part.estimate("representation_ratio", g) if row.opposed else NONE,
            far_behind=row.far_behind,
            losing=row.losing,
        )
        for g, row in enumerate(standings_of(rankings, part, grouping))
    ]


def _least(
    rankings: Rankings,
    groupings: Sequence[Grouping],
    parts: Sequence[LeftOut],
    rows: Sequence[GroupGain],
) -> Figure | None:
    """The agreement on contested pairs of the group that has the least."""
    figures, n = [], 0
    for grouping, part in zip(groupings, parts, strict=True):
        owners = grouping.owners[rankings.ballot_annotators]
        for g, name in enumerate(grouping.names):
            if rows[n].annotators >= MEMBERS:
                weights = rankings.ballot_weights * (owners == g)
                figures.append(share(part.ballots[:, 2], part.ballots[:, 3], weights, name))
            n += 1
    return lowest(figures)
