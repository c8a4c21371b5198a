"""Positional scoring, exact also where places are shared."""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules._parts.exact_sums import by_parts, exact_sums, round_inexact

BITS = 44
LARGEST = 64
"""The largest number of responses with exact shared places; the common denominators grow with it."""


def positional_scores(profiles: Profiles, vector: Sequence[Fraction | int]) -> Array:
    """Sum the points of a score vector for each response's places.

    Tied responses share the places that they occupy: each gets the mean of their scores. Responses
    that a ballot does not rank share the places behind those it ranks; a ballot that ranks nothing
    gives no points.

    Parameters
    ----------
    vector
        M scores, for the first place, the second, and so on.

    Returns
    -------
    (B, M) float64: the true sum, rounded once, in the unit of the weights. With more than 64 responses that
    share places or get fractions, each score is rounded to 2^-40 of the largest one, and nearly equal sums
    are tied.
    """
    exact = tuple(Fraction(score) for score in vector)
    return by_parts(lambda part: _scores(part, exact), profiles)


def _scores(profiles: Profiles, vector: tuple[Fraction, ...]) -> Array:
    xp, ranks = array_namespace(profiles.ranks), profiles.ranks
    M = profiles.n_responses
    strict = bool(xp.all(xp.max(ranks, axis=0) == M))  # and complete: a place is a rank
    exact = M <= LARGEST or (strict and all(score.denominator == 1 for score in vector))
    places = ranks if strict else _shared_places(ranks)
    table, unit = (_of_ranks if strict else _of_shared_places)(vector, exact)
    index = xp.reshape(xp.astype(places, xp.int64), (-1,))
    columns = (xp.asarray(digit, dtype=xp.float64, device=device_of(ranks)) for digit in table)
    digits = [xp.reshape(xp.take(column, index), ranks.shape) for column in columns]
    scores = exact_sums(profiles, digits, BITS, unit)
    most = profiles.totals * float(max(abs(score) for score in vector))
    whole = profiles.is_exact & exact
    return round_inexact(scores, whole, most) / profiles.scale[:, None]


def _shared_places(ranks: Array) -> Array:
    """(M, K) entry of the table below: (M + 1) times the number above, plus the number sharing the place.

    It is 0 on ballots that rank nothing.
    """
    xp = array_namespace(ranks)
    M = ranks.shape[0]
    behind = xp.asarray(M + 1, dtype=ranks.dtype, device=device_of(ranks))
    filled = xp.where(ranks > 0, ranks, behind)
    above = xp.zeros(ranks.shape, dtype=xp.int16, device=device_of(ranks))
    level = xp.zeros_like(above)
    for j in range(M):
        above += filled[j] < filled
        level += filled[j] == filled
    entry = xp.astype(above, xp.int32) * (M + 1) + level
    return entry * xp.any(ranks > 0, axis=0)


@lru_cache(maxsize=32)
def _of_ranks(vector: tuple[Fraction, ...], exact: bool) -> tuple[list[list[float]], int]:
    table = [Fraction(0), *vector]
    return _whole(table) if exact else _rounded(np.array([float(score) for score in table]))


@lru_cache(maxsize=32)
def _of_shared_places(vector: tuple[Fraction, ...], exact: bool) -> tuple[list[list[float]], int]:
    """Means of the vector over the places p to p + t - 1, at (M + 1) (p - 1) + t."""
    M = len(vector)
    if not exact:
        sums: np.ndarray = np.concatenate([[0.0], np.cumsum([float(score) for score in vector])])
        means = np.zeros((M, M + 1))
        for above in range(M):
            sharers = np.arange(1, M - above + 1)
            means[above, sharers] = (sums[above + sharers] - sums[above]) / sharers
        return _rounded(means.ravel())
    table = [Fraction(0)] * (M * (M + 1))
    for above in range(M):
        total = Fraction(0)
        for t in range(1, M - above + 1):
            total += vector[above + t - 1]
            table[above * (M + 1) + t] = total / t
    return _whole(table)


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
