"""How far a collective ranking follows exposure: on how many ballots each response is named."""

from typing import NamedTuple

import numpy as np

from rlchf.numeric.integer_weights import integer_weights
from rlchf.rankings import Rankings


def exposure(rankings: Rankings) -> np.ndarray:
    """(R,) weight of the ballots that name each response; equal weights are equal to the bit.

    Examples
    --------
    >>> exposure(Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > c")]))
    array([1., 2., 1.])
    """
    lengths = np.diff(rankings.entry_starts)
    first = np.repeat(rankings.response_starts[rankings.ballot_prompts], lengths)
    integers, scale, _ = integer_weights(rankings.ballot_weights, rankings.ballot_starts)
    cells = first + rankings.entry_responses
    sums = np.bincount(cells, np.repeat(integers, lengths), minlength=len(rankings.response_ids))
    return np.asarray(sums / np.repeat(scale, np.diff(rankings.response_starts)))


def has_gaps(rankings: Rankings) -> bool:
    """Whether some ballot has no opinion of a response, because it leaves it out.

    Examples
    --------
    >>> has_gaps(Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")]))
    False
    """
    if rankings.unranked == "last":
        return False
    complete = np.diff(rankings.ballot_starts) * np.diff(rankings.response_starts)
    return len(rankings.entry_responses) < int(complete.sum())


def exposure_correlation(rankings: Rankings, scores: np.ndarray) -> tuple[float, int]:
    """The rank correlation of scores (R,) with exposure within prompts, pooled, and what it rests on.

    Ranks are counted within each prompt, ties sharing the mean of their places, and divided by the
    number of responses. Prompts on which all responses have the same exposure do not count.

    Returns
    -------
    Spearman's coefficient, NaN if exposure or scores never differ, and the number of responses.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > c"), ("p", "eve", "b")])
    >>> coefficient, n = exposure_correlation(rankings, np.array([1.0, 2.0, 0.0]))
    >>> round(coefficient, 3), n
    (0.866, 3)
    """
    sums = exposure_sums(rankings, scores)
    return sums.coefficient, sums.n


class ExposureSums(NamedTuple):
    """What the rank correlation of scores with exposure rests on; the sums of several datasets add up.

    Attributes
    ----------
    n
        Number of responses.
    by_exposure, by_score, both
        Sums of the squares of their centred ranks by either, and of the products.
    """

    n: int
    by_exposure: float
    by_score: float
    both: float

    @property
    def coefficient(self) -> float:
        """Spearman's coefficient, NaN if exposure or scores never differ."""
        spread = float(np.sqrt(self.by_exposure * self.by_score))
        return self.both / spread if spread else float("nan")


def exposure_sums(rankings: Rankings, scores: np.ndarray) -> ExposureSums:
    """The sums of `exposure_correlation`."""
    by_exposure = _centred_ranks(rankings.response_starts, exposure(rankings))
    by_score = _centred_ranks(rankings.response_starts, scores)
    sizes = np.diff(rankings.response_starts)
    differs = np.add.reduceat(np.abs(by_exposure), rankings.response_starts[:-1]) > 0
    counts = np.repeat(differs, sizes)
    x, y = by_exposure[counts], by_score[counts]
    return ExposureSums(int(counts.sum()), float(x @ x), float(y @ y), float(x @ y))


def _centred_ranks(starts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(R,) place of each value in its prompt, lowest first, from -1/2 to 1/2; equal values share a place."""
    sizes = np.diff(starts)
    prompts = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((values, prompts))
    place = np.arange(len(values)) - np.repeat(starts[:-1], sizes)
    is_new = np.ones(len(values), dtype=bool)
    is_new[1:] = (np.diff(values[order]) != 0) | (np.diff(prompts) != 0)
    group = np.cumsum(is_new) - 1
    shared = np.bincount(group, weights=place) / np.bincount(group)
    ranks = np.empty(len(values))
    ranks[order] = shared[group]
    return np.asarray((ranks - (np.repeat(sizes, sizes) - 1) / 2) / np.repeat(sizes, sizes))
