"""Many resamples of the ballots of each prompt, as batches that rules read."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from rlchf.numeric.arrays import to_numpy
from rlchf.numeric.chunks import chunks
from rlchf.numeric.segments import ranges
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings
from rlchf.rules import default_ties, get_rule
from rlchf.rules._parts.threads import processors
from rlchf.ties import breaks_ties, resolve

CELLS = 2**20
"""Ranks in one batch of resamples."""
LARGE_CELLS = 2**24
"""The same where a prompt is so large that fewer than `TOGETHER` resamples would fit."""
TOGETHER = 64
"""Resamples of a large prompt that share the comparisons of its pairs."""
PAIRS = 2**22
"""Cells of the table of all pairs on all ballots at a time."""

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Ballots:
    """Ballots of B prompts with equally many responses, M, and equally many ballots, V.

    Attributes
    ----------
    prompts
        (B,) the prompts, as indices.
    profiles
        The ballots.
    counts
        (B, V) the number of identical ballots that each stands for; 0 for the reverse of the one before it,
        and for those without a weight.
    """

    prompts: np.ndarray
    profiles: Profiles
    counts: np.ndarray

    @property
    def annotators(self) -> np.ndarray:
        """(B, V) the annotator of each ballot."""
        return self.profiles.annotators.reshape(self.counts.shape)

    def spread(self, drawn: np.ndarray) -> np.ndarray:
        """(B, R, V) factors of the weights, of how many of the ``counts`` were drawn, (B, R, V)."""
        factors = drawn / np.maximum(self.counts, 1)[:, None]
        reverse = self.counts == 0
        if reverse.any():
            before = (
                np.arange(self.counts.shape[1]) - reverse
            )  # a comparison with a probability is two
            factors = np.take_along_axis(factors, before[:, None], axis=2)
        return np.asarray(factors)


Draw = Callable[[Ballots, range, np.random.Generator], np.ndarray]
"""``draw(ballots, numbers, rng)``: (B, R, V) by how much the weight of each ballot is multiplied in the
resamples of these numbers, which are even many where they come in pairs."""


@dataclass(frozen=True, eq=False)
class Resamples:
    """R resamples of the ballots of B prompts.

    Attributes
    ----------
    prompts
        (B,) the prompts, as indices.
    profiles
        The resamples as B R prompts, those of a prompt next to each other.
    counted
        (B, R) whether a resample has any ballot with a weight.
    numbers
        The numbers of the resamples.
    """

    prompts: np.ndarray
    profiles: Profiles
    counted: np.ndarray
    numbers: range

    def scores(self, rule: "ScoringRule") -> np.ndarray:
        """(B, R, M) a rule's scores."""
        B, R = self.counted.shape
        return rule(self.profiles).reshape(B, R, -1)


ScoringRule = Callable[[Profiles], np.ndarray]


def scoring_rule(name: str) -> ScoringRule:
    """A rule of one prompt with its default options and policy for ties, as `rlchf.aggregate` runs it."""
    function = get_rule(name)
    rule, prefer = resolve(function, default_ties(function))
    if prefer is None or breaks_ties(function):
        return lambda profiles: to_numpy(rule(profiles))
    return partial(_preferring, rule, prefer)


def _preferring(rule: Any, prefer: Any, profiles: Profiles) -> np.ndarray:
    """Scores in which of tied responses the preferred one is higher: places from the last one up."""
    scores, preferred = to_numpy(rule(profiles)), prefer(profiles)
    order = np.lexsort([preferred, scores], axis=1)
    return np.argsort(order, axis=1).astype(np.float64)


def resampled(
    rankings: Rankings,
    prompts: np.ndarray,
    draw: Draw,
    resamples: int,
    seed: int,
    work: Callable[[Resamples], Result],
    tick: Callable[[int, int], object] | None = None,
) -> Iterator[Result]:
    """Draw resamples of some prompts, and yield what ``work`` makes of each batch of them.

    Batches are worked on by all processors; what is drawn does not depend on their number.

    Parameters
    ----------
    prompts
        The prompts, as indices.
    draw, resamples
        What draws the factors, and how many for each prompt.
    seed
        Random seed.
    tick
        Called with the number of batches done, and of all.
    """
    parts = _parts(rankings, prompts, resamples)

    def one(n: int) -> Result:
        return work(_draw(rankings, *parts[n], draw, np.random.default_rng([seed, n])))

    with ThreadPoolExecutor(processors()) as pool:
        try:
            for done, result in enumerate(pool.map(one, range(len(parts))), start=1):
                if tick is not None:
                    tick(done, len(parts))
                yield result
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def bootstrap(ballots: Ballots, numbers: range, rng: np.random.Generator) -> np.ndarray:
    """As many ballots of each prompt as there are, drawn with replacement; see `Draw`.

    References
    ----------
    B. Efron, "Bootstrap methods: another look at the jackknife", 1979.
    """
    counts = ballots.counts
    if (counts == counts[0]).all():
        total = int(counts[0].sum())
        share = counts[0] / max(total, 1)
        drawn = rng.multinomial(total, share, size=(len(counts), len(numbers)))
    else:
        drawn = np.stack(
            [
                rng.multinomial(int(row.sum()), row / max(row.sum(), 1), size=len(numbers))
                for row in counts
            ]
        )
    return ballots.spread(drawn)


def halves(ballots: Ballots, numbers: range, rng: np.random.Generator) -> np.ndarray:
    """Random halves of the annotators of each prompt, in pairs: one half, and the other; see `Draw`.

    Of an odd number one half has one more. All ballots of an annotator on a prompt are in one half.
    """
    B, V = ballots.counts.shape
    splits = len(numbers) // 2
    if (ballots.counts > 1).any():
        whole = ballots.counts[:, None]
        drawn = np.stack(
            [
                rng.multivariate_hypergeometric(row, int(row.sum()) // 2, size=splits)
                for row in ballots.counts
            ]
        )
    else:
        whole = (ballots.counts > 0).astype(np.int64)[:, None]
        local = _local(ballots.annotators)  # (B, V)
        n_local = local.max(axis=1) + 1
        keys = rng.random((B, splits, V))
        keys[np.broadcast_to(np.arange(V) >= n_local[:, None, None], keys.shape)] = np.inf
        last = np.broadcast_to((n_local // 2 - 1)[:, None, None], (B, splits, 1))
        highest = np.take_along_axis(np.sort(keys, axis=2), np.maximum(last, 0), axis=2)
        own = np.take_along_axis(keys, np.broadcast_to(local[:, None], keys.shape), axis=2)
        drawn = ((own <= highest) * whole).astype(np.int64)
    pairs = np.stack([drawn, whole - drawn], axis=2)  # (B, splits, 2, V)
    return ballots.spread(pairs.reshape(B, 2 * splits, V))


def by_annotator(rankings: Rankings, resamples: int, seed: int) -> Draw:
    """A draw of annotators with replacement, who come with all their ballots; see `Draw`."""
    A = len(rankings.annotator_ids)
    rng = np.random.default_rng([seed, 2**31])
    times = rng.multinomial(A, np.full(A, 1 / A), size=resamples)  # (R, A)

    def draw(ballots: Ballots, numbers: range, rng: np.random.Generator) -> np.ndarray:
        chosen = times[numbers.start : numbers.stop, ballots.annotators]  # (R, B, V)
        return chosen.transpose(1, 0, 2).astype(np.float64)

    return draw


def factors_of_ballots(
    rankings: Rankings, draw: Draw, resamples: int, seed: int
) -> Iterator[np.ndarray]:
    """(N,) factors of the weights of all ballots, resample by resample, for rules across prompts."""
    parts = [(part, _ballots(rankings, part)) for part in _equal_prompts(rankings, None)]
    for r in range(0, resamples, 2):  # halves come in pairs
        both = np.ones((2, rankings.n_ballots))
        for n, (part, ballots) in enumerate(parts):
            rng = np.random.default_rng([seed, r, n])
            starts = rankings.ballot_starts[part]
            V = ballots.counts.shape[1]
            cells = starts[:, None] + np.arange(V)
            numbers = range(r, min(r + 2, resamples))
            both[: len(numbers), cells] = draw(ballots, numbers, rng).transpose(1, 0, 2)
        yield from both[: resamples - r]


def _parts(
    rankings: Rankings, prompts: np.ndarray, resamples: int
) -> list[tuple[np.ndarray, range]]:
    """Prompts of equal sizes and numbers of resamples, in parts that fit into the cache."""
    parts = []
    for equal in _equal_prompts(rankings, prompts):
        p = equal[0]
        M = int(rankings.response_starts[p + 1] - rankings.response_starts[p])
        V = int(rankings.ballot_starts[p + 1] - rankings.ballot_starts[p])
        cost = M * V + M * M
        few = min(TOGETHER // 2, LARGE_CELLS // (2 * cost))
        step = 2 * max(1, few, CELLS // (2 * cost))  # even, for resamples in pairs
        numbers = [range(r, min(r + step, resamples)) for r in range(0, resamples, step)]
        for part in chunks(len(equal), min(resamples, step) * cost, CELLS):
            parts += [(equal[part], some) for some in numbers]
    return parts


def _equal_prompts(rankings: Rankings, prompts: np.ndarray | None) -> Iterator[np.ndarray]:
    """Prompts with equally many responses and equally many ballots; those with one response are left out."""
    sizes, ballots = np.diff(rankings.response_starts), np.diff(rankings.ballot_starts)
    chosen = np.arange(rankings.n_prompts) if prompts is None else prompts
    chosen = chosen[sizes[chosen] > 1]
    keys = sizes[chosen] * (int(ballots.max()) + 1) + ballots[chosen]
    for key in np.unique(keys).tolist():
        yield chosen[keys == key]


def _ballots(rankings: Rankings, prompts: np.ndarray) -> Ballots:
    profiles = rankings.batch(prompts)
    counts = np.diff(rankings.ballot_starts)[prompts]
    cells = ranges(rankings.ballot_starts[prompts], counts)
    drawable = rankings.ballot_counts[cells] * (rankings.ballot_weights[cells] > 0)
    return Ballots(prompts, profiles, drawable.reshape(len(prompts), -1))


def _draw(
    rankings: Rankings,
    prompts: np.ndarray,
    numbers: range,
    draw: Draw,
    rng: np.random.Generator,
) -> Resamples:
    ballots = _ballots(rankings, prompts)
    factors = draw(ballots, numbers, rng)  # (B, R, V)
    return Resamples(
        prompts,
        _repeated(ballots.profiles, factors),
        (factors * ballots.profiles.weights.reshape(len(prompts), 1, -1)).sum(axis=2) > 0,
        numbers,
    )


def _repeated(profiles: Profiles, factors: np.ndarray) -> Profiles:
    """The ballots of each prompt R times, with their weights multiplied by factors, (B, R, V)."""
    B, R, V = factors.shape
    M = profiles.n_responses

    def repeated(rows: np.ndarray | None) -> np.ndarray | None:
        if rows is None:
            return None
        wide = np.broadcast_to(rows.reshape(-1, B, 1, V), (len(rows), B, R, V))
        return np.ascontiguousarray(wide.reshape(len(rows), B * R * V))

    ranks = repeated(profiles.ranks)
    assert ranks is not None
    many = replace(
        profiles,
        ranks=ranks,
        starts=np.arange(B * R + 1) * V,
        weights=(factors * profiles.weights.reshape(B, 1, V)).ravel(),
        annotators=np.repeat(profiles.annotators.reshape(B, 1, V), R, axis=1).ravel(),
        scores=repeated(profiles.scores),
        approvals=repeated(profiles.approvals),
        prompts=np.repeat(profiles.prompts, R),
    )
    # what the cached property would count ballot by ballot, as one product for each prompt
    rank = profiles.ranks.reshape(M, B, V)
    ranked = rank > 0
    weights = to_numpy(many.integer_weights).reshape(B, R, V)
    wins = np.empty((M * M, B, R))
    rows = max(1, PAIRS // max(M * B * V, 1))
    for start in range(0, M, rows):  # some rows of the table at a time, for large prompts
        part = slice(start, start + rows)
        above = (
            (rank[part, None] < rank[None]) & ranked[part, None] & ranked[None]
        )  # (rows, M, B, V)
        pairs = above.transpose(2, 0, 1, 3).reshape(B, -1, V).astype(np.float64)
        found = (pairs @ weights.swapaxes(1, 2)).transpose(1, 0, 2)
        wins[M * start : M * start + len(found)] = found
    vars(many)["wins"] = wins.reshape(M, M, B * R).transpose(2, 0, 1)
    return many


def _local(annotators: np.ndarray) -> np.ndarray:
    """(B, V) annotators numbered from 0 within each prompt.

    Examples
    --------
    >>> _local(np.array([[7, 3, 7], [5, 6, 8]]))
    array([[1, 0, 1],
           [0, 1, 2]])
    """
    order = np.argsort(annotators, axis=1, kind="stable")
    rows = np.take_along_axis(annotators, order, axis=1)
    new = np.zeros(rows.shape, np.int64)
    new[:, 1:] = rows[:, 1:] != rows[:, :-1]
    local = np.empty_like(new)
    np.put_along_axis(local, order, np.cumsum(new, axis=1), axis=1)
    return local
