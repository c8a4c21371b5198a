"""Split-half consistency: how alike a rule's results are on two halves of the people."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.auditing.estimates import Estimate
from rlchf.comparison.admitted import looks_across, seconds
from rlchf.comparison.estimates import mean_over
from rlchf.comparison.resampling import (
    Resamples,
    factors_of_ballots,
    halves,
    resampled,
    scoring_rule,
)
from rlchf.comparison.stability import ACROSS_BUDGET, BUDGET, again
from rlchf.numeric.ratios import ratio
from rlchf.rankings import Rankings

SPLITS = 20
"""Random divisions into halves."""

CAVEAT = (
    "A rule that ignores the ballots is perfectly consistent, so consistency alone is no reason to choose a "
    "rule; it says how far the ballots and not chance decide."
)


@dataclass(frozen=True, eq=False)
class Consistency:
    """How alike a rule's results on two halves are.

    Attributes
    ----------
    rule
        The rule.
    order
        (P,) one minus Kendall's distance between the halves' rankings, as a share of the pairs, the mean over
        the divisions; a pair that only one half ties counts 1/2. NaN on prompts with fewer than two ballots.
    first
        (P,) share of the divisions with the same responses in first place.
    """

    rule: str
    order: np.ndarray
    first: np.ndarray

    @property
    def mean_order(self) -> Estimate:
        """The mean of ``order`` over prompts."""
        return mean_over(self.order)

    @property
    def mean_first(self) -> Estimate:
        """The mean of ``first`` over prompts."""
        return mean_over(self.first)


@dataclass(frozen=True)
class Halves:
    """Split-half consistency of rules.

    Attributes
    ----------
    splits
        Number of divisions of the people of each prompt into two halves.
    rules
        The rules' figures.
    notes
        For each rule that is measured on fewer divisions, or not at all, a sentence.
    """

    splits: int
    rules: list[Consistency]
    notes: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        rows = []
        for row in self.rules:
            shares = {"order": row.mean_order, "first": row.mean_first}
            rows.append(
                {"rule": row.rule}
                | {n: {"value": e.value, "low": e.low, "high": e.high} for n, e in shares.items()}
            )
        return {"splits": self.splits, "caveat": CAVEAT, "rules": rows, "notes": self.notes}


def split_halves(
    rankings: Rankings,
    results: Mapping[str, Aggregation],
    splits: int = SPLITS,
    *,
    seed: int = 0,
    tick: Callable[[int, int], object] | None = None,
) -> Halves:
    """Divide the people of each prompt into two halves at random, and compare a rule's results on both.

    Parameters
    ----------
    results
        The collective rankings of each rule, by its name.
    splits
        Number of divisions.

    References
    ----------
    R. E. Berker and others, 2025, https://arxiv.org/abs/2508.17177: a rule is picked by its split-half
    consistency.

    Examples
    --------
    >>> import rlchf
    >>> rankings = Rankings.from_ballots([("p", n, "a > b" if n < "d" else "b > a") for n in "abcdef"])
    >>> rules = {rule: rlchf.aggregate(rankings, rule) for rule in ("borda",)}
    >>> consistency = split_halves(rankings, rules, 200).rules[0]
    >>> float(consistency.first[0])  # three of each opinion: one half has a majority for a, the other for b
    0.0
    """
    notes: dict[str, str] = {}
    divisions = {rule: _affordable(rule, rankings, splits, notes) for rule in results}
    kept = [rule for rule, number in divisions.items() if number]
    P = rankings.n_prompts
    sums = {rule: (np.zeros(P), np.zeros(P), np.zeros(P)) for rule in kept}
    of_prompts = [rule for rule in kept if not looks_across(rule)]
    across = [rule for rule in kept if rule not in of_prompts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said when the results were made
        for number in sorted({divisions[rule] for rule in of_prompts}, reverse=True):
            rules = [rule for rule in of_prompts if divisions[rule] == number]
            _add_per_prompt(rankings, rules, number, seed, sums, tick)
        for n, rule in enumerate(across, start=1):
            _add_across(rankings, results[rule], divisions[rule], seed, sums[rule])
            if tick is not None:
                tick(n, len(across))
    rows = [
        Consistency(rule, ratio(order, number), ratio(first, number))
        for rule, (order, first, number) in sums.items()
    ]
    return Halves(splits, rows, notes)


def _affordable(rule: str, rankings: Rankings, splits: int, notes: dict[str, str]) -> int:
    """The number of divisions on which a rule is measured; 0 if it is left out."""
    time = 2 * seconds(rule, rankings)
    most = (ACROSS_BUDGET if looks_across(rule) else BUDGET) / time
    if splits <= most:
        return splits
    if most >= 2:
        notes[rule] = f"{rule} is slow, and is measured on {int(most)} of {splits} divisions"
        return int(most)
    notes[rule] = f"{rule} is left out of the halves, which would take about {time * splits:.0f} s"
    return 0


def _add_per_prompt(
    rankings: Rankings,
    rules: Sequence[str],
    splits: int,
    seed: int,
    sums: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    tick: Callable[[int, int], object] | None,
) -> None:
    functions = {rule: scoring_rule(rule) for rule in rules}

    def work(resamples: Resamples) -> tuple[np.ndarray, dict[str, tuple[np.ndarray, ...]]]:
        halves_of = resamples.counted.reshape(len(resamples.prompts), -1, 2)
        both = np.asarray(halves_of.all(axis=2))
        return resamples.prompts, {
            rule: _alike(resamples.scores(function), both) for rule, function in functions.items()
        }

    every = np.arange(rankings.n_prompts)
    for prompts, parts in resampled(rankings, every, halves, 2 * splits, seed, work, tick):
        for rule, part in parts.items():
            for total, values in zip(sums[rule], part, strict=True):
                total[prompts] += values


def _add_across(
    rankings: Rankings,
    result: Aggregation,
    splits: int,
    seed: int,
    sums: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    sizes = np.diff(rankings.response_starts)
    batches = [np.flatnonzero(sizes == M) for M in np.unique(sizes[sizes > 1])]
    drawn = factors_of_ballots(rankings, halves, 2 * splits, seed)
    for one, other in zip(drawn, drawn, strict=True):
        weights = [rankings.ballot_weights * factors for factors in (one, other)]
        ranks = np.stack([again(rankings, result, w) for w in weights])  # (2, R)
        voted = np.stack([np.add.reduceat(w, rankings.ballot_starts[:-1]) > 0 for w in weights])
        for prompts in batches:
            cells = rankings.response_starts[prompts][:, None] + np.arange(sizes[prompts[0]])
            scores = -ranks[:, cells].transpose(1, 0, 2).astype(np.float64)
            part = _alike(scores, np.asarray(voted[:, prompts].all(axis=0))[:, None])
            for total, values in zip(sums, part, strict=True):
                total[prompts] += values


def _alike(scores: np.ndarray, both: np.ndarray) -> tuple[np.ndarray, ...]:
    """(B,) sums over divisions of the likeness of orders and of first places, and their number.

    Parameters
    ----------
    scores
        (B, 2 S, M) scores on the two halves of each division, next to each other.
    both
        (B, S) whether both halves have ballots.
    """
    B, twice, M = scores.shape
    pairs = scores.reshape(B, twice // 2, 2, M)
    one, other = pairs[:, :, 0], pairs[:, :, 1]
    i, j = np.triu_indices(M, 1)
    signs = [np.sign(x[..., i] - x[..., j]) for x in (one, other)]
    order = 1 - np.abs(signs[0] - signs[1]).mean(axis=2) / 2
    tops = [x == x.max(axis=2, keepdims=True) for x in (one, other)]
    first = (tops[0] == tops[1]).all(axis=2)
    return (order * both).sum(axis=1), (first & both).sum(axis=1), both.sum(axis=1)
