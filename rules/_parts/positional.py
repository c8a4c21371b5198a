"""Positional scoring, exact also where places are shared."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules._parts.exact_sums import by_parts, exact_sums, round_inexact

BITS = 44
LARGEST = 64
"""The largest number of responses with exact shared places; the common denominators grow with it."""


def positional_scores(
    profiles: Profiles,
    vector: Sequence[Fraction | int],
    centred: bool = False,
    places: Callable[[Array], Array] | None = None,
) -> Array:
    """Sum the points of a score vector for each response's places.

    The places of a ballot are those of the responses that it ranks. Tied responses share the places that
    they occupy: each gets the mean of their scores. Responses that a ballot does not rank get no points
    from it.

    Parameters
    ----------
    vector
        M scores, for the first place, the second, and so on.
    centred
        Whether a response that a ballot does not rank gets the mean of the M scores, and those that it
        ranks get their points plus what makes their mean the same. So a ballot without an opinion of a
        response moves it neither up nor down, and ballots that rank all responses count as they are.
    places
        From the ranks to those that are scored; by default the ranks themselves.

    Returns
    -------
    (B, M) float64: the true sum, rounded once, in the unit of the weights. With more than 64 responses that
    share places or get fractions, each score is rounded to 2^-40 of the largest one, and nearly equal sums
    are tied.
    """
    exact = tuple(Fraction(score) for score in vector)

    def kernel(part: Profiles) -> Array:
        ranks = part.ranks if places is None else places(part.ranks)
        return _scores(part, ranks, exact, centred)

    return by_parts(kernel, profiles)


def _scores(profiles: Profiles, ranks: Array, vector: tuple[Fraction, ...], centred: bool) -> Array:
    xp, M = array_namespace(ranks), len(ranks)
    strict = bool(xp.all(xp.max(ranks, axis=0) == M))  # and complete: a place is a rank
    exact = M <= LARGEST or (strict and all(score.denominator == 1 for score in vector))
    entries = [ranks if strict else _shared_places(ranks)]
    if centred and not strict:
        sizes = xp.sum(ranks > 0, axis=0)
        entries.append(M * (M + 1) + (ranks > 0) * sizes)
    table, unit = (_of_ranks if strict else _of_shared_places)(vector, exact)
    digits = []
    for digit in table:
        column = xp.asarray(digit, dtype=xp.float64, device=device_of(ranks))
        indices = (xp.reshape(xp.astype(entry, xp.int64), (-1,)) for entry in entries)
        points = [xp.reshape(xp.take(column, index), ranks.shape) for index in indices]
        digits.append(points[0] if len(points) == 1 else points[0] + points[1])
    scores = exact_sums(profiles, digits, BITS, unit)
    most = profiles.totals * float(max(abs(score) for score in vector))
    whole = profiles.is_exact & exact
    return round_inexact(scores, whole, most) / profiles.scale[:, None]


def _shared_places(ranks: Array) -> Array:
    """(M, K) entry of the table below: (M + 1) times the number above, plus the number sharing the place.

    It is 0 for a response that the ballot does not rank.
    """
    xp = array_namespace(ranks)
    M = ranks.shape[0]
    above = xp.zeros(ranks.shape, dtype=xp.int16, device=device_of(ranks))
    level = xp.zeros_like(above)
    for j in range(M):
        above += (ranks[j] < ranks) & (ranks[j] > 0)
        level += ranks[j] == ranks
    entry = xp.astype(above, xp.int32) * (M + 1) + level
    return entry * (ranks > 0)


@lru_cache(maxsize=32)
def _of_ranks(vector: tuple[Fraction, ...], exact: bool) -> tuple[list[list[float]], int]:
    table = [Fraction(0), *vector]
    return _whole(table) if exact else _rounded(np.array([float(score) for score in table]))


@lru_cache(maxsize=32)
def _of_shared_places(vector: tuple[Fraction, ...], exact: bool) -> tuple[list[list[float]], int]:
    """Means of the vector over the places p to p + t - 1, at (M + 1) (p - 1) + t.

    Behind them, at M (M + 1) + n, is by how much the mean of the first n scores falls short of that of all.
    """
    M = len(vector)
    if not exact:
        sums: np.ndarray = np.concatenate([[0.0], np.cumsum([float(score) for score in vector])])
        means = np.zeros((M, M + 1))
        for above in range(M):
            sharers = np.arange(1, M - above + 1)
            means[above, sharers] = (sums[above + sharers] - sums[above]) / sharers
        return _rounded(np.concatenate([means.ravel(), means[0, M] - means[0]]))
    table = [Fraction(0)] * (M * (M + 1))
    for above in range(M):
        total = Fraction(0)
        for t in range(1, M - above + 1):
            total += vector[above + t - 1]
            table[above * (M + 1) + t] = total / t
    return _whole([*table, *(table[M] - mean for mean in table[: M + 1])])


def _rounded(numbers: np.ndarray) -> tuple[list[list[float]], int]:
    """Numbers as multiples of about 2^-40 of the largest."""
    unit = 2 ** max(0, 40 - math.frexp(float(np.abs(numbers).max()))[1])
    return [np.rint(numbers * unit).tolist()], unit


def _whole(numbers: Sequence[Fraction]) -> tuple[list[list[float]], int]:
    """Numbers as whole multiples of 1 / unit, in digits to the base 2 ** BITS."""
    unit = math.lcm(*(number.denominator for number in numbers))
    rest = [number.numerator * (unit // number.denominator) for number in numbers]
    digits = []
    while any(abs(number) >= 2**BITS for number in rest):
        digits.append([float(number % 2**BITS) for number in rest])
        rest = [number >> BITS for number in rest]
    return [*digits, [float(number) for number in rest]], unit
