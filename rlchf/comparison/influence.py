"""Influence of one annotator, or of a group: what the collective rankings would be without its ballots."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from rlchf.aggregation import aggregate
from rlchf.auditing.groups import Grouping, Groups
from rlchf.axioms.manipulation.outcomes import Decision, agreement
from rlchf.numeric.chunks import chunks
from rlchf.numeric.ratios import ratio
from rlchf.numeric.segments import offsets, ranges, taken
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings, as_rankings
from rlchf.rules import Rule, get_rule, is_across

BUDGET = 2**23
"""Ranks of the copies of prompts that are decided together."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Influence:
    """What changes if one annotator, or a group, is left out.

    Attributes
    ----------
    name
        The annotator's id, or the group.
    prompts
        Number of prompts on which it votes.
    weight
        Its share of the weight of all ballots.
    pairs
        Number of pairs of responses to these prompts.
    flipped
        Number of pairs that the rule then orders the other way round.
    changed
        Number of pairs whose order changes at all, ties included.
    first
        Number of prompts on which other responses are first then.
    groups
        By how much its ballots raise the agreement of each group with the outcome, over the whole dataset:
        the share of pairs on a ballot of the group that are ordered as on it, a tie counting half.
    """

    name: str
    prompts: int
    weight: float
    pairs: int
    flipped: int
    changed: int
    first: int
    groups: Mapping[str, float]


@dataclass(frozen=True)
class Influences:
    """The influence of annotators and groups under one rule.

    Attributes
    ----------
    rule
        The rule.
    prompts, pairs
        Numbers of all prompts, and of all pairs of their responses.
    annotators
        Each annotator that was left out, the one with the most changed pairs first.
    groups
        Each group, likewise.
    """

    rule: str
    prompts: int
    pairs: int
    annotators: Sequence[Influence]
    groups: Sequence[Influence]

    def to_dict(self) -> dict[str, Any]:
        """All figures as dictionaries and lists."""
        return asdict(self)


def influence(
    rankings: Rankings | Any,
    rule: str | Rule = "kemeny",
    *,
    groups: Groups | None = None,
    annotators: Collection[str] | None = None,
    ties: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> Influences:
    """Leave out each annotator in turn, and each group, and compare the collective rankings.

    The figures are exact for these data; there is nothing random in them. A prompt on which nobody else votes
    has all responses tied without them. A rule for single prompts is applied to the prompts that change, many
    copies at a time; a rule across prompts is applied to the whole dataset once for each annotator.

    Parameters
    ----------
    rankings
        The ballots, or a table of them.
    groups
        The group of each annotator, or several such divisions by name, as for `rlchf.audit`.
    annotators
        Ids of the annotators to leave out in turn; by default all.
    progress
        Called now and then with the number of annotators and groups done and their total.
    rule, ties, seed, options
        As for `rlchf.aggregate`.

    Raises
    ------
    ValueError
        If there is no such rule, option or annotator, or the groups name no annotator.

    Examples
    --------
    >>> ballots = {"ann": "a > b > c", "bob": "a > b > c", "eve": "b > c > a", "joe": "c > a > b"}
    >>> poll = Rankings.from_ballots([("p", who, ballot) for who, ballot in ballots.items()])
    >>> result = influence(poll, "borda", groups={"ann": "north", "bob": "north", "eve": "south"})
    >>> [(one.name, one.flipped, one.changed, one.first) for one in result.annotators]
    [('ann', 0, 3, 1), ('bob', 0, 3, 1), ('eve', 0, 1, 0), ('joe', 0, 1, 1)]
    >>> {name: round(x, 3) for name, x in result.groups[0].groups.items()}
    {'north': 1.0, 'south': -0.333}
    """
    rankings = as_rankings(rankings)
    function = get_rule(rule) if isinstance(rule, str) else rule
    divisions = Grouping.each(rankings, groups)
    people = Grouping.by_annotator(rankings)
    if annotators is not None:
        people = _only(people, [str(one) for one in annotators], rankings)
    sums = [_Sums(rankings, units, divisions) for units in (people, *divisions)]
    total = sum(int(np.unique(one.units.owners[one.units.owners >= 0]).size) for one in sums)
    done = 0
    for one in sums:

        def tick(more: int) -> None:
            nonlocal done
            done += more
            if progress is not None:
                progress(done, total)

        if is_across(function):
            _rerun(one, function, {"ties": ties, "seed": seed, **options}, tick)
        else:
            _each_prompt(one, Decision.by(rule, ties, seed, options), tick)
    M = np.diff(rankings.response_starts)
    return Influences(
        rule=rule if isinstance(rule, str) else getattr(rule, "__name__", "rule"),
        prompts=rankings.n_prompts,
        pairs=int((M * (M - 1) // 2).sum()),
        annotators=sums[0].figures(),
        groups=[figure for one in sums[1:] for figure in one.figures()],
    )


def _only(people: Grouping, names: list[str], rankings: Rankings) -> Grouping:
    """Some of the annotators."""
    known = {name: a for a, name in enumerate(people.names)}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"{rankings.source}: there is no annotator {unknown[0]!r}")
    owners = np.full(len(people.owners), -1)
    chosen = [known[name] for name in dict.fromkeys(names)]
    owners[chosen] = np.arange(len(chosen))
    return Grouping([people.names[a] for a in chosen], owners)


class _Sums:
    """What changes for each unit, an annotator or a group, summed over prompts."""

    def __init__(self, rankings: Rankings, units: Grouping, divisions: Sequence[Grouping]) -> None:
        U = len(units.names)
        self.rankings, self.units, self.divisions = rankings, units, divisions
        self.counts = np.zeros((3, U), dtype=np.int64)  # flipped, changed, first
        self.effects = [np.zeros((U, len(one.names))) for one in divisions]

    def add(
        self,
        units: np.ndarray,
        outcomes: tuple[np.ndarray, np.ndarray],
        profiles: Profiles,
        prompts: np.ndarray,
    ) -> None:
        """Outcomes (n, M) with and without a unit (n,) on prompts (n,) of a batch."""
        before, after = outcomes
        U = len(self.units.names)
        flipped, changed = np.zeros((2, len(units)), dtype=np.int64)
        for i in range(before.shape[1]):
            for j in range(i):
                one = np.sign(before[:, i] - before[:, j])
                other = np.sign(after[:, i] - after[:, j])
                flipped += one * other < 0
                changed += one != other
        first = ((before == 1) != (after == 1)).any(axis=1)
        for row, values in enumerate((flipped, changed, first)):
            self.counts[row] += np.bincount(units, values, U).astype(np.int64)
        differ = np.flatnonzero(changed)
        if len(differ) and self.divisions:
            self._add_effects(
                units[differ], before[differ], after[differ], profiles, prompts[differ]
            )

    def _add_effects(
        self,
        units: np.ndarray,
        before: np.ndarray,
        after: np.ndarray,
        profiles: Profiles,
        prompts: np.ndarray,
    ) -> None:
        counts = np.diff(profiles.starts)[prompts]
        columns = ranges(profiles.starts[prompts], counts)
        owner = np.repeat(np.arange(len(units)), counts)
        ranks, weights = profiles.ranks[:, columns], profiles.weights[columns]
        gained = agreement(ranks, before[owner], "pairs") - agreement(ranks, after[owner], "pairs")
        for effects, division in zip(self.effects, self.divisions, strict=True):
            group = division.owners[profiles.annotators[columns]]
            inside = group >= 0
            cells = units[owner[inside]] * len(division.names) + group[inside]
            sums = np.bincount(cells, (weights * gained)[inside], effects.size)
            effects += sums.reshape(effects.shape)

    def figures(self) -> list[Influence]:
        """The influence of each unit, the one with the most changed pairs first."""
        rankings, names, U = self.rankings, self.units.names, len(self.units.names)
        owners = self.units.owners[rankings.ballot_annotators]
        inside = owners >= 0
        weight = np.bincount(owners[inside], rankings.ballot_weights[inside], U)
        votes = np.unique(np.stack([owners, rankings.ballot_prompts])[:, inside], axis=1)
        M = np.diff(rankings.response_starts)
        pairs = np.bincount(votes[0], (M * (M - 1) // 2)[votes[1]], U).astype(np.int64)
        prompts = np.bincount(votes[0], minlength=U)
        shares = ratio(weight, float(rankings.ballot_weights.sum()), default=0.0)
        groups = self._groups()
        flipped, changed, first = self.counts.tolist()
        return [
            Influence(
                names[u], int(prompts[u]), float(shares[u]), int(pairs[u]),
                flipped[u], changed[u], first[u], groups[u],
            )
            for u in np.lexsort((-self.counts[0], -self.counts[1])).tolist()
            if prompts[u]
        ]  # fmt: skip

    def _groups(self) -> list[dict[str, float]]:
        """For each unit its effect on the agreement of each group."""
        effects: list[dict[str, float]] = [{} for _ in self.units.names]
        for sums, division in zip(self.effects, self.divisions, strict=True):
            owners = division.owners[self.rankings.ballot_annotators]
            inside = owners >= 0
            weights = self.rankings.ballot_weights[inside]
            total = np.bincount(owners[inside], weights, len(division.names))
            for effect, row in zip(effects, ratio(sums, total, default=0.0), strict=True):
                effect |= dict(zip(division.names, row.tolist(), strict=True))
        return effects


def _each_prompt(sums: _Sums, decision: Decision, tick: Callable[[int], None]) -> None:
    """A rule for single prompts: copies of each prompt, each without the ballots of one unit."""
    for _, profiles in sums.rankings.profiles():
        before = decision.ranks(profiles)
        unit_of = sums.units.owners[profiles.annotators]
        votes = np.flatnonzero(unit_of >= 0)
        cases = np.unique(np.stack([np.asarray(profiles.owners)[votes], unit_of[votes]]), axis=1)
        cost = profiles.ranks.size / profiles.n_prompts
        for chunk in chunks(cases.shape[1], cost, BUDGET):
            prompts, units = cases[:, chunk]
            after = np.ones((len(units), profiles.n_responses), dtype=np.int64)  # all tied
            some, copies = _without(profiles, prompts, unit_of, units)
            if len(some):
                after[some] = decision.ranks(copies)
            sums.add(units, (before[prompts], after), profiles, prompts)
    tick(int(np.unique(sums.units.owners[sums.units.owners >= 0]).size))


def _without(
    profiles: Profiles, prompts: np.ndarray, unit_of: np.ndarray, units: np.ndarray
) -> tuple[np.ndarray, Profiles]:
    """Copies of prompts without the ballots of one unit each, and which of them have ballots left."""
    counts = np.diff(profiles.starts)[prompts]
    columns = ranges(profiles.starts[prompts], counts)
    owner = np.repeat(np.arange(len(prompts)), counts)
    kept = unit_of[columns] != units[owner]
    left = np.bincount(owner[kept], minlength=len(prompts))
    some, columns = np.flatnonzero(left), columns[kept]
    scores, approvals = profiles.scores, profiles.approvals
    copies = replace(
        profiles,
        ranks=np.ascontiguousarray(profiles.ranks[:, columns]),
        scores=None if scores is None else np.ascontiguousarray(scores[:, columns]),
        approvals=None if approvals is None else np.ascontiguousarray(approvals[:, columns]),
        starts=offsets(left[some]),
        weights=profiles.weights[columns],
        annotators=np.asarray(taken(profiles.annotators, columns)),
        prompts=profiles.prompts[prompts[some]],
    )
    return some, copies


def _rerun(sums: _Sums, rule: Rule, settings: dict[str, Any], tick: Callable[[int], None]) -> None:
    """A rule across prompts: the whole dataset without each unit in turn."""
    rankings = sums.rankings
    whole = aggregate(rankings, rule, **settings).response_ranks
    batches = list(rankings.profiles())
    for unit in np.unique(sums.units.owners[sums.units.owners >= 0]).tolist():
        after = np.ones(len(whole), dtype=np.int64)
        kept = sums.units.owners[rankings.ballot_annotators] != unit
        counts = np.add.reduceat(kept.astype(np.int64), rankings.ballot_starts[:-1])
        some = np.flatnonzero(counts)
        if len(some):
            rest = rankings.with_ballots(np.flatnonzero(kept), ballot_starts=offsets(counts))
            ranks = aggregate(rest.subset(some), rule, **settings).response_ranks
            sizes = np.diff(rankings.response_starts)
            after[ranges(rankings.response_starts[some], sizes[some])] = ranks
        for prompts, cells in _cells(rankings, batches):
            rows = np.flatnonzero((whole[cells] != after[cells]).any(axis=1))
            outcomes = whole[cells[rows]], after[cells[rows]]
            sums.add(np.full(len(rows), unit), outcomes, prompts, rows)
        tick(1)


def _cells(
    rankings: Rankings, batches: Sequence[tuple[np.ndarray, Profiles]]
) -> Iterator[tuple[Profiles, np.ndarray]]:
    """Each batch, and (B, M) where its responses are among all."""
    for prompts, profiles in batches:
        starts = rankings.response_starts[prompts]
        yield profiles, starts[:, None] + np.arange(profiles.n_responses)
