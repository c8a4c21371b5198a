"""Weights as whole numbers, so that sums are exact and ties stay ties."""

import numpy as np

LARGEST = 2.0**53
"""Whole numbers up to here are exact as floats."""

NEAR = 1e-14
LARGEST_PART = 100_000
FINE = 2.0**50


def integer_weights(
    weights: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Multiply the weights on each prompt by a number that makes them whole.

    Weights that are whole stay as they are. Others become whole multiples of a common part, if there is
    one: 0.1, 0.2 and 0.3 become 1, 2 and 3; 1/3 and 1 become 1 and 3. Weights without one (1/100,000
    of the least weight or more), and those of a prompt that add up to more than 2^53, become
    multiples of about 2^-50 of their sum.

    Parameters
    ----------
    weights
        (K,) at least 0.
    starts
        (B + 1,) where each prompt's weights begin.

    Returns
    -------
    integers
        (K,) float64, whole numbers.
    scale
        (B,) float64, integer weight divided by weight.
    is_exact
        (B,) bool: whether the integers are in the same proportions as the weights.

    Examples
    --------
    >>> integer_weights(np.array([0.1, 0.2, 0.3, 2.0]), np.array([0, 3, 4]))
    (array([1., 2., 3., 2.]), array([10.,  1.]), array([ True,  True]))
    """
    first, counts = starts[:-1], np.diff(starts)
    if (weights == 1).all():  # most often they are
        return weights, np.ones(len(counts)), np.ones(len(counts), dtype=bool)
    totals = np.add.reduceat(weights, first)
    scale, is_exact = np.ones(len(counts)), np.ones(len(counts), dtype=bool)
    broken = np.add.reduceat(np.rint(weights) != weights, first) > 0
    broken |= totals >= LARGEST
    if not broken.any():
        return weights, scale, is_exact
    least = np.minimum.reduceat(np.where(weights > 0, weights, np.inf), first)
    for unit in (scale.copy(), np.where(np.isfinite(least), least, 1.0)):
        with np.errstate(over="ignore"):
            scaled = np.minimum(weights / np.repeat(unit, counts), 2 * LARGEST)
        multiple = _common_multiple(scaled, first, counts, broken)
        scaled *= np.repeat(multiple, counts)
        near = np.abs(scaled - np.rint(scaled)) <= NEAR * scaled
        fits = broken & (np.add.reduceat(~near, first) == 0) & (multiple > 0)
        fits &= np.add.reduceat(scaled, first) < LARGEST
        scale[fits] = (multiple / unit)[fits]
        broken &= ~fits
    is_exact = ~broken
    scale[broken] = FINE / 2.0 ** np.ceil(np.log2(totals[broken]))
    return np.rint(weights * np.repeat(scale, counts)), scale, is_exact


def _common_multiple(
    numbers: np.ndarray, first: np.ndarray, counts: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """(B,) the factor that makes the numbers of each prompt whole; 0 if there is none.

    The factor is meaningless where it overflows.
    """
    parts = np.ones(len(numbers), dtype=np.int64)
    parts[first] = _denominators(numbers[first])  # where this is 0, the others do not matter
    inside = np.repeat(wanted & (parts[first] > 0), counts)
    parts[inside] = _denominators(numbers[inside])
    multiple: np.ndarray = np.lcm.reduceat(parts, first)
    return multiple


def _denominators(numbers: np.ndarray) -> np.ndarray:
    """The denominators of the simplest fractions nearly equal to these numbers, or 0 for none.

    Continued fractions give them.
    """
    denominators = np.zeros(len(numbers), dtype=np.int64)
    index, target, rest = np.arange(len(numbers)), numbers, numbers - np.floor(numbers)
    before, now = np.zeros(len(numbers)), np.ones(len(numbers))
    while len(index):
        off = np.abs(target * now - np.rint(target * now)) > NEAR * target * now
        denominators[index[~off]] = now[~off]
        on = off & (rest > 0)
        index, target, rest, before, now = (x[on] for x in (index, target, rest, before, now))
        rest = 1 / rest
        before, now = now, np.floor(rest) * now + before
        rest = rest - np.floor(rest)
        on = now <= LARGEST_PART
        index, target, rest, before, now = (x[on] for x in (index, target, rest, before, now))
    return denominators
