"""Sums over ballots that are exact, so that ties stay ties, and the same in any batch."""

from collections.abc import Callable, Sequence

import numpy as np

from rlchf.numeric.arrays import (
    Array,
    array_namespace,
    device_of,
    is_torch_array,
    segment_sum,
    to_numpy,
)
from rlchf.numeric.chunks import chunks
from rlchf.numeric.integer_weights import LARGEST
from rlchf.profiles import Profiles

NEARLY = 2.0**-36
"""Sums of rounded weights or scores are tied if they differ by this share of the largest possible sum."""


def by_parts(kernel: Callable[[Profiles], Array], profiles: Profiles, per_prompt: int = 1) -> Array:
    """Apply a kernel to chunks of the prompts, and concatenate the (B, M) results.

    The ranks of a chunk, and ``per_prompt`` numbers for each of its prompts, fit into the cache; torch
    tensors are not split.
    """
    B, (M, K) = profiles.n_prompts, profiles.ranks.shape
    slices = list(chunks(B, max(M * K / max(B, 1), per_prompt)))
    if len(slices) <= 1 or is_torch_array(profiles.ranks):
        return kernel(profiles)
    parts = [kernel(profiles.part(chunk.start, chunk.stop)) for chunk in slices]
    return array_namespace(profiles.ranks).concat(parts, axis=0)


def limbs(numbers: Array, bits: int) -> list[Array]:
    """Integers as digits to the base ``2 ** bits``, the last digit first; the first has the sign.

    Examples
    --------
    >>> limbs(np.array([5.0, -1.0]), 2)
    [array([1., 3.]), array([ 1., -1.])]
    """
    xp, base, digits = array_namespace(numbers), 2.0**bits, []
    while float(xp.max(xp.abs(numbers))) >= base:
        upper = xp.floor(numbers / base)
        digits.append(numbers - upper * base)
        numbers = upper
    return [*digits, numbers]


def exact_sums(profiles: Profiles, digits: Sequence[Array], bits: int, unit: Array | int) -> Array:
    """Sum votes times numbers over the ballots of each prompt, and divide by a unit.

    The result is the true quotient rounded once, so equal quotients are equal, however they were
    summed. Where the sums are too large for exact floats, they are counted in Python's integers.

    Parameters
    ----------
    digits
        (M, K) integers in floats, or several such arrays: digits to the base ``2 ** bits``. Any number of
        rows will do.
    unit
        An integer, or an array of integers or powers of two that broadcasts with (B, M).

    Returns
    -------
    (B, M) float64.

    Examples
    --------
    >>> profiles = Profiles.from_ballots([["a > b", "b > a"]], weights=[[3, 1]])
    >>> exact_sums(profiles, [np.array([[1.0, 2.0], [0.0, 7.0]])], 53, 2)
    array([[2.5, 3.5]])
    """
    xp, starts, votes = array_namespace(profiles.ranks), profiles.starts, profiles.integer_weights
    most = max(float(xp.max(xp.abs(digit))) for digit in digits)
    if len(digits) == 1 and float(xp.max(profiles.totals)) * most < LARGEST:
        counted = digits[0] if bool(xp.all(votes == 1)) else digits[0] * votes
        return segment_sum(counted, starts).T / unit
    small = (53 - int(np.diff(starts).max()).bit_length()) // 2
    total = np.zeros((profiles.n_prompts, digits[0].shape[0]), dtype=object)
    for v, vote in enumerate(limbs(votes, small)):
        for d, digit in enumerate(digits):
            for n, number in enumerate(limbs(digit, small)):
                part = to_numpy(segment_sum(number * vote, starts).T).astype(np.int64)
                total = total + part.astype(object) * 2 ** (small * (v + n) + bits * d)
    if not isinstance(unit, int):
        numbers = [int(u) if u.is_integer() else u for u in to_numpy(unit).ravel().tolist()]
        unit = np.array(numbers, dtype=object).reshape(unit.shape)
    return xp.asarray((total / unit).astype(np.float64), device=device_of(profiles.ranks))


def round_inexact(scores: Array, exact: Array, most: Array) -> Array:
    """Round (B, M) scores where they are not exact, so that nearly tied scores are tied.

    Parameters
    ----------
    exact
        (B,) bool: where scores stay as they are.
    most
        (B,) the largest possible absolute value of a score.
    """
    xp = array_namespace(scores)
    if bool(xp.all(exact)):
        return scores
    largest = xp.where(most > 0, most, xp.ones_like(most))
    grid = xp.exp2(xp.floor(xp.log2(largest * NEARLY)))[:, None]
    return xp.where(exact[:, None], scores, xp.round(scores / grid) * grid)


def means_where_named(profiles: Profiles, numbers: Array) -> Array:
    """(B, M) mean of integers (M, K) over the votes whose ballots rank the response.

    A response that no ballot ranks gets the mean over all opinions on the prompt, so that it is neither above
    nor below the others as a whole.

    Examples
    --------
    >>> profiles = Profiles.from_ballots([["a > b", "b", "b > a"]], ["a", "b", "c"])
    >>> means_where_named(profiles, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]))
    array([[0.5       , 0.66666667, 0.6       ]])
    """
    xp = array_namespace(profiles.ranks)
    named = xp.astype(profiles.ranks > 0, xp.float64)
    opinions = segment_sum(named * profiles.integer_weights, profiles.starts).T  # (B, M)
    given = opinions > 0
    one = xp.ones_like(opinions)
    means = exact_sums(profiles, [numbers * named], 53, xp.where(given, opinions, one))
    if not bool(xp.all(given)):
        total = xp.clip(
            xp.sum(opinions, axis=1, keepdims=True), 1, None
        )  # at least a vote, or nobody's
        pooled = exact_sums(profiles, [xp.sum(numbers * named, axis=0)[None]], 53, total)
        means = xp.where(given, means, pooled)
    return round_inexact(means, profiles.is_exact, one[:, 0])


def margin_sums(profiles: Profiles) -> Array:
    """(B, M) the sum of the margins of each response over all others, in integer weights.

    Where weights have no common part the sums are rounded, not each margin, so that equal sums are equal.
    """
    xp = array_namespace(profiles.ranks)
    if bool(xp.all(profiles.is_exact)):
        return xp.sum(profiles.margins, axis=2)
    sums = xp.sum(profiles.wins, axis=2) - xp.sum(profiles.wins, axis=1)
    most = profiles.totals * (profiles.n_responses - 1)
    return round_inexact(sums, profiles.is_exact, most)
