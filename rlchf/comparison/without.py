"""The outcomes of many rules without each part of the annotators, with what the rules share done once."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing._left_out import factors_without, folds_of, outcomes_without
from rlchf.auditing.groups import Grouping
from rlchf.comparison.admitted import RANDOM, looks_across
from rlchf.comparison.resampling import Ballots, Resamples, resampled, scoring_rule
from rlchf.rankings import Rankings
from rlchf.rules import rule_names

Tick = Callable[[int, int], object]
Without = dict[str, list[np.ndarray]]
"""For each rule (R,) ranks of the responses without each part; none if the rule gives other ranks."""


def outcomes_without_each(
    rankings: Rankings,
    results: Mapping[str, Aggregation],
    grouping: Grouping,
    n_folds: int,
    kept: np.ndarray,
    tick: Tick | None = None,
) -> Without:
    """The responses' ranks under each rule without each part of the annotators.

    Rules of one prompt see all parts as resamples, whose wins are counted once for all rules; rules across
    prompts see each part as a dataset, which is made once for all of them. A rule
    named as ``module:function`` runs by itself.

    Parameters
    ----------
    results
        The collective rankings of each rule, by its name.
    grouping, n_folds
        The division of the people, and the number of parts; 0 for none.
    kept
        The prompts on which ranks are wanted, as indices; the others keep the ranks that they have.
    tick
        Called with the outcomes made, and of all.
    """
    if not n_folds or len(kept) == 0:
        return {rule: [] for rule in results}
    folds = folds_of(grouping, n_folds)
    F = int(folds.max()) + 1
    factors = np.stack([factors_without(rankings, grouping, folds == f) for f in range(F)])
    rules = _Kinds.of(list(results))
    found: Without = {rule: [] for rule in results}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said when the results were made
        shared = {rule: results[rule] for rule in rules.shared}
        n, total = 0, max(len(results), 1)
        try:
            found |= _of_prompts(
                rankings, shared, factors, kept, _part(tick, n, len(shared), total)
            )
            n += len(shared)
        except ValueError:  # by one of them: each for itself
            rules.single += rules.shared
        across = {rule: results[rule] for rule in rules.across}
        found |= _across(rankings, across, factors, _part(tick, n, len(across), total))
        for rule in rules.single:
            found[rule] = outcomes_without(
                rankings, results[rule], grouping, n_folds, named=":" in rule
            )
    return found


@dataclass(eq=False)
class _Kinds:
    """Rules of one prompt, rules across prompts, and others, such as those that draw at random."""

    shared: list[str]
    across: list[str]
    single: list[str]

    @classmethod
    def of(cls, names: Sequence[str]) -> "_Kinds":
        known = [name for name in names if name in rule_names() and name not in RANDOM]
        across = [name for name in known if looks_across(name)]
        shared = [name for name in known if name not in across]
        return cls(shared, across, [name for name in names if name not in known])


def _part(tick: Tick | None, start: int, size: int, total: int) -> Tick | None:
    """A tick for a part of the work, in rules."""
    if tick is None or not size:
        return None
    return lambda done, of: tick(start + int(size * done / max(of, 1)), total)


def _of_prompts(
    rankings: Rankings,
    results: Mapping[str, Aggregation],
    factors: np.ndarray,
    kept: np.ndarray,
    tick: Tick | None,
) -> Without:
    """Of rules of one prompt; the first resample leaves out nobody: its ranks have to be the result's."""
    if not results:
        return {}
    F = len(factors)
    every = np.concatenate([np.ones((1, factors.shape[1])), factors])
    functions = {rule: scoring_rule(rule) for rule in results}
    ranks = {rule: [one.response_ranks.copy() for _ in range(F)] for rule, one in results.items()}
    again = dict.fromkeys(results, True)

    def draw(ballots: Ballots, numbers: range, rng: np.random.Generator) -> np.ndarray:
        chosen = every[numbers.start : numbers.stop, ballots.annotators]  # (R, B, V)
        return np.asarray(chosen.transpose(1, 0, 2))

    def work(resamples: Resamples) -> tuple[np.ndarray, range, dict[str, np.ndarray]]:
        of_rules = {rule: dense_ranks(resamples.scores(one)) for rule, one in functions.items()}
        return resamples.prompts, resamples.numbers, of_rules

    for prompts, numbers, of_rules in resampled(rankings, kept, draw, F + 1, 0, work, tick):
        M = next(iter(of_rules.values())).shape[2]
        cells = rankings.response_starts[prompts][:, None] + np.arange(M)  # (B, M)
        for rule, found in of_rules.items():
            for r, number in enumerate(numbers):
                if number:
                    ranks[rule][number - 1][cells] = found[:, r]
                elif (found[:, r] != results[rule].response_ranks[cells]).any():
                    again[rule] = False
    return {rule: ranks[rule] if again[rule] else [] for rule in results}


def dense_ranks(scores: np.ndarray) -> np.ndarray:
    """(..., M) ranks, 1 for the highest scores, equal ones sharing a rank, without gaps.

    Examples
    --------
    >>> dense_ranks(np.array([[1.0, 3.0, 1.0, 2.0]]))
    array([[3, 1, 3, 2]])
    """
    order = np.argsort(-scores, axis=-1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=-1)
    places = np.ones(scores.shape, np.int64)
    places[..., 1:] += np.cumsum(ordered[..., 1:] != ordered[..., :-1], axis=-1)
    ranks = np.empty_like(places)
    np.put_along_axis(ranks, order, places, axis=-1)
    return ranks


def _across(
    rankings: Rankings,
    results: Mapping[str, Aggregation],
    factors: np.ndarray,
    tick: Tick | None,
) -> Without:
    """Of rules across prompts, which need every prompt."""
    left = []
    for rule, result in results.items():
        ranks = aggregate(rankings, rule, **result.options).response_ranks
        if (ranks == result.response_ranks).all():
            left.append(rule)
    made: Without = {rule: [] for rule in left}
    for f, row in enumerate(factors):
        part = rankings.weighted(dict(zip(rankings.annotator_ids, row.tolist(), strict=True)))
        for rule in left:
            made[rule].append(aggregate(part, rule, **results[rule].options).response_ranks)
        if tick is not None:
            tick(f + 1, len(factors))
    return made
