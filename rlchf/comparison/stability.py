"""How sure each rule's result is: the bootstrap of the ballots on each prompt."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing.estimates import Estimate
from rlchf.auditing.shares import wilson
from rlchf.comparison.admitted import looks_across, seconds, seconds_by_prompt
from rlchf.comparison.estimates import mean_over, within_bounds
from rlchf.comparison.resampling import (
    Draw,
    Resamples,
    ScoringRule,
    bootstrap,
    by_annotator,
    factors_of_ballots,
    resampled,
    scoring_rule,
)
from rlchf.numeric.ratios import ratio
from rlchf.numeric.segments import offsets
from rlchf.rankings import Rankings

Drawn = Literal["ballots", "annotators"]
"""What the bootstrap draws: the ballots of each prompt, or annotators with all their ballots."""

BUDGET = 8.0
"""Seconds that the bootstrap of a rule of one prompt may take; a slower one is measured on some prompts."""
ACROSS_BUDGET = 1.0
"""The same of a rule across prompts; a slower one is measured with fewer resamples."""
LEAST = 20
"""Prompts on which a rule is measured at least, unless only the smallest are quick enough."""
FEWEST = 10
"""Resamples with which a rule across prompts is measured at least."""

Tick = Callable[[int, int], object]


@dataclass(frozen=True, eq=False)
class RuleStability:
    """How sure a rule's result is.

    Attributes
    ----------
    rule
        The rule.
    first
        (P,) the share of the resamples in which the same responses are in first place, by prompt; NaN where
        it was not measured.
    pairs
        (P,) the share of the pairs ranked strictly that keep their order, a tie counting half, by prompt; NaN
        also where the rule ties all responses.
    first_probability
        (R,) the probability that each response is in first place; tied ones share it.
    pair_probability
        The probability that response i is above j, a tie counting half, for the pairs i < j of the first
        prompt, (0, 1), (0, 2), ..., (1, 2), ..., then those of the second, and so on.
    replicates
        Number of resamples.
    prompts
        Number of prompts measured.
    """

    rule: str
    first: np.ndarray
    pairs: np.ndarray
    first_probability: np.ndarray
    pair_probability: np.ndarray
    replicates: int
    prompts: int

    @property
    def mean_first(self) -> Estimate:
        """The mean of ``first`` over prompts, with its interval for other prompts like these."""
        return within_bounds(mean_over(self.first))

    @property
    def mean_pairs(self) -> Estimate:
        """The mean of ``pairs`` over prompts, with its interval for other prompts like these."""
        return within_bounds(mean_over(self.pairs))

    def first_interval(self, prompt: int) -> tuple[float, float]:
        """The 95 % interval of ``first`` of a prompt, by its index, for more resamples than were drawn."""
        return wilson(float(self.first[prompt]), self.replicates)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: the means with their intervals."""
        shares = {"first": self.mean_first, "pairs": self.mean_pairs}
        return {
            "rule": self.rule,
            "replicates": self.replicates,
            "prompts": self.prompts,
            **{
                name: {"value": one.value, "low": one.low, "high": one.high}
                for name, one in shares.items()
            },
        }


@dataclass(frozen=True)
class Stability:
    """How sure the results of rules are.

    Attributes
    ----------
    drawn
        What was drawn: ballots, or annotators.
    replicates
        Number of resamples of the rules that are not too slow.
    rules
        The rules' figures.
    notes
        For each rule that was measured on some prompts, by fewer resamples or not at all, a sentence.
    """

    drawn: Drawn
    replicates: int
    rules: list[RuleStability]
    notes: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        rows = [row.to_dict() for row in self.rules]
        return {
            "drawn": self.drawn,
            "replicates": self.replicates,
            "rules": rows,
            "notes": self.notes,
        }


def stability(
    rankings: Rankings,
    results: Mapping[str, Aggregation],
    replicates: int = 200,
    *,
    drawn: Drawn = "ballots",
    seed: int = 0,
    tick: Tick | None = None,
) -> Stability:
    """Draw the ballots of each prompt again and again, and apply the rules to each resample.

    A resample has as many ballots as the prompt, drawn with replacement: what the same number of other
    people like these might have said. Rules across prompts are applied to whole resampled datasets.

    Parameters
    ----------
    results
        The collective rankings of each rule, by its name.
    replicates
        Number of resamples.
    drawn
        "ballots" draws within each prompt; "annotators" draws annotators with all their ballots.
    seed
        Random seed.
    tick
        Called with the number of parts done, and of all.

    Examples
    --------
    Three of four prefer a: it stays first where two or more of four are drawn from them, and b is first
    where fewer are; one half each is a tie.

    >>> import rlchf
    >>> rankings = Rankings.from_ballots([("p", n, "a > b" if n < "d" else "b > a") for n in "abcd"])
    >>> borda = stability(rankings, {"borda": rlchf.aggregate(rankings, "borda")}, 1000).rules[0]
    >>> round(float(borda.first[0]), 1), round(float(borda.pair_probability[0]), 1)
    (0.7, 0.8)
    """
    draw = bootstrap if drawn == "ballots" else by_annotator(rankings, replicates, seed)
    notes: dict[str, str] = {}
    groups: dict[bytes, list[str]] = {}
    chosen: dict[bytes, np.ndarray] = {}
    across = {}
    for rule in results:
        if looks_across(rule):
            across[rule] = _affordable_replicates(rule, rankings, replicates, notes)
        else:
            prompts = _affordable_prompts(rule, rankings, replicates, notes)
            if len(prompts):
                groups.setdefault(prompts.tobytes(), []).append(rule)
                chosen[prompts.tobytes()] = prompts
    sums = {rule: _Sums.empty(rankings, result) for rule, result in results.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said when the results were made
        for key, rules in groups.items():
            _add_per_prompt(rankings, chosen[key], draw, replicates, seed, rules, sums, tick)
        for rule, number in across.items():
            if number:
                _add_across(rankings, results[rule], draw, number, seed, sums[rule], tick)
    rows = [sums[rule].result(rule) for rule in results if sums[rule].counted.any()]
    return Stability(drawn, replicates, rows, notes)


def _affordable_prompts(
    rule: str, rankings: Rankings, replicates: int, notes: dict[str, str]
) -> np.ndarray:
    """The prompts on which a rule is measured: evenly spaced, or the smallest ones, where not all are."""
    P = rankings.n_prompts
    times = seconds_by_prompt(rule, rankings, resampled=True) * replicates
    time = float(times.sum())
    if time <= BUDGET:
        return np.arange(P)
    number = int(P * BUDGET / time)
    if number >= LEAST:
        notes[rule] = f"{rule} is slow, and is bootstrapped on {number:,} of {P:,} prompts"
        return np.unique(np.linspace(0, P - 1, number).round().astype(np.int64))
    order = np.argsort(times, kind="stable")
    smallest = np.sort(order[np.cumsum(times[order]) <= BUDGET])
    notes[rule] = (
        f"{rule} is bootstrapped on the {len(smallest)} smallest of {P:,} prompts"
        if len(smallest)
        else f"{rule} is left out of the bootstrap, which would take about {time:.0f} s"
    )
    return smallest


def _affordable_replicates(
    rule: str, rankings: Rankings, replicates: int, notes: dict[str, str]
) -> int:
    time = seconds(rule, rankings)
    number = min(replicates, int(ACROSS_BUDGET / time))
    if number < min(FEWEST, replicates):
        notes[rule] = (
            f"{rule} is left out of the bootstrap, which would take about {time * replicates:.0f} s"
        )
        return 0
    if number < replicates:
        notes[rule] = f"{rule} is slow, and is bootstrapped with {number} of {replicates} resamples"
    return number


@dataclass(eq=False)
class _Sums:
    """Sums over resamples; those of a prompt's responses and pairs lie where the rankings have them."""

    base: np.ndarray
    response_starts: np.ndarray
    pair_starts: np.ndarray
    counted: np.ndarray
    first: np.ndarray
    kept: np.ndarray
    strict: np.ndarray
    firsts: np.ndarray
    above: np.ndarray

    @classmethod
    def empty(cls, rankings: Rankings, result: Aggregation) -> "_Sums":
        sizes = np.diff(rankings.response_starts)
        pair_starts = offsets(sizes * (sizes - 1) // 2)
        P, R = rankings.n_prompts, len(rankings.response_ids)
        counted, first, kept, strict = np.zeros((4, P))
        return cls(
            result.response_ranks, rankings.response_starts, pair_starts, counted, first, kept, strict,
            np.zeros(R), np.zeros(int(pair_starts[-1])),
        )  # fmt: skip

    def add(self, prompts: np.ndarray, parts: "_Parts") -> None:
        """Add the sums of some prompts."""
        M = parts.firsts.shape[1]
        self.counted[prompts] += parts.counted
        self.first[prompts] += parts.first
        self.kept[prompts] += parts.kept
        self.strict[prompts] = parts.strict
        self.firsts[self.response_starts[prompts][:, None] + np.arange(M)] += parts.firsts
        pairs = np.arange(parts.above.shape[1])
        self.above[self.pair_starts[prompts][:, None] + pairs] += parts.above

    def result(self, rule: str) -> RuleStability:
        """The figures."""
        counted, sizes = self.counted, np.diff(self.response_starts)
        return RuleStability(
            rule=rule,
            first=ratio(self.first, counted),
            pairs=ratio(self.kept, counted * self.strict),
            first_probability=ratio(self.firsts, np.repeat(counted, sizes)),
            pair_probability=ratio(self.above, np.repeat(counted, np.diff(self.pair_starts))),
            replicates=int(counted.max()),
            prompts=int((counted > 0).sum()),
        )


@dataclass(frozen=True, eq=False)
class _Parts:
    """Sums over resamples of B prompts: (B,) or, of firsts and above, (B, M) and (B, pairs)."""

    counted: np.ndarray
    first: np.ndarray
    kept: np.ndarray
    strict: np.ndarray
    firsts: np.ndarray
    above: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray, counted: np.ndarray, base: np.ndarray) -> "_Parts":
        """From scores, (B, R, M), whether each resample counts, (B, R), and the result's ranks, (B, M)."""
        by_response = np.ascontiguousarray(
            scores.transpose(2, 0, 1)
        )  # sums over whole rows are fast
        weight = counted.astype(np.float64)
        top = by_response == by_response.max(axis=0)  # (M, B, R)
        same = (top == (base == 1).T[:, :, None]).all(axis=0) & counted
        shares = weight / top.sum(axis=0)
        M = base.shape[1]
        above = np.empty((len(base), M * (M - 1) // 2))
        everywhere = bool(counted.all())
        for n, (i, j) in enumerate(zip(*np.triu_indices(M, 1), strict=True)):
            over, under = by_response[i] > by_response[j], by_response[i] < by_response[j]
            if not everywhere:
                over, under = over & counted, under & counted
            above[:, n] = np.count_nonzero(over, axis=1) - np.count_nonzero(under, axis=1)
        number = weight.sum(axis=1)
        above = (number[:, None] + above) / 2
        upper, lower = np.triu_indices(M, 1)
        sign = np.sign(base[:, lower] - base[:, upper])
        kept = np.where(sign > 0, above, number[:, None] - above) * (sign != 0)
        return cls(
            number, same.sum(axis=1), kept.sum(axis=1), (sign != 0).sum(axis=1),
            np.stack([(row * shares).sum(axis=1) for row in top], axis=1), above,
        )  # fmt: skip


def _add_per_prompt(
    rankings: Rankings,
    prompts: np.ndarray,
    draw: Draw,
    replicates: int,
    seed: int,
    rules: Sequence[str],
    sums: Mapping[str, _Sums],
    tick: Tick | None,
) -> None:
    functions: dict[str, ScoringRule] = {rule: scoring_rule(rule) for rule in rules}

    def work(resamples: Resamples) -> tuple[np.ndarray, dict[str, _Parts]]:
        starts = rankings.response_starts[resamples.prompts]
        cells = starts[:, None] + np.arange(resamples.profiles.n_responses)
        parts = {
            rule: _Parts.of(resamples.scores(function), resamples.counted, sums[rule].base[cells])
            for rule, function in functions.items()
        }
        return resamples.prompts, parts

    for done, parts in resampled(rankings, prompts, draw, replicates, seed, work, tick):
        for rule, part in parts.items():
            sums[rule].add(done, part)


def _add_across(
    rankings: Rankings,
    result: Aggregation,
    draw: Draw,
    replicates: int,
    seed: int,
    sums: _Sums,
    tick: Tick | None,
) -> None:
    sizes = np.diff(rankings.response_starts)
    batches = [np.flatnonzero(sizes == M) for M in np.unique(sizes[sizes > 1])]
    for n, factors in enumerate(factors_of_ballots(rankings, draw, replicates, seed)):
        weights = rankings.ballot_weights * factors
        ranks = again(rankings, result, weights)
        has_weight = np.add.reduceat(weights, rankings.ballot_starts[:-1]) > 0
        for prompts in batches:
            cells = rankings.response_starts[prompts][:, None] + np.arange(sizes[prompts[0]])
            scores, counted = -ranks[cells][:, None].astype(np.float64), has_weight[prompts, None]
            sums.add(prompts, _Parts.of(scores, counted, sums.base[cells]))
        if tick is not None:
            tick(n + 1, replicates)


def again(rankings: Rankings, result: Aggregation, weights: np.ndarray) -> np.ndarray:
    """(R,) the responses' ranks that the rule of a result gives if the ballots have other weights, (N,)."""
    resample = replace(rankings, ballot_weights=weights)
    return aggregate(resample, result.rule, **result.options).response_ranks
