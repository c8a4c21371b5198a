"""Weights as whole numbers, so that sums are exact and ties stay ties."""

import numpy as np

LARGEST = 2.0**53
"""Whole numbers up to here are exact as floats."""

MULTIPLES = (*range(1, 65), 80, 96, 100, 120, 125, 1000, 10_000, 100_000, 1_000_000)
FINE = 2.0**50


def whole_votes(
    weights: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Multiply the weights on each prompt by a number that makes them whole.

    Weights that are whole stay as they are. Others become whole multiples of a common part, if there is
    one: 0.1, 0.2 and 0.3 become 1, 2 and 3; 1/3 and 1 become 1 and 3. Weights without one, and
    those of a prompt that add up to more than 2^53, become multiples of 2^-50 of their sum.

    Parameters
    ----------
    weights
        (K,) at least 0.
    starts
        (B + 1,) where each prompt's weights begin.

    Returns
    -------
    votes
        (K,) float64, whole numbers.
    unit
        (B,) float64, votes by weight.
    exact
        (B,) bool: whether the votes are in the same proportions as the weights.

    Examples
    --------
    >>> whole_votes(np.array([0.1, 0.2, 0.3, 2.0]), np.array([0, 3, 4]))
    (array([1., 2., 3., 2.]), array([10.,  1.]), array([ True,  True]))
    """
    first, counts = starts[:-1], np.diff(starts)
    unit, exact = np.ones(len(counts)), np.ones(len(counts), dtype=bool)
    rounded = np.rint(weights)
    broken = np.add.reduceat(rounded != weights, first) > 0
    broken |= np.add.reduceat(weights, first) >= LARGEST
    if not broken.any():
        return weights, unit, exact
    least = np.minimum.reduceat(np.where(weights > 0, weights, np.inf), first)
    least[~np.isfinite(least)] = 1.0
    votes, todo = weights.copy(), broken.copy()
    for multiple in MULTIPLES:
        inside = np.repeat(todo, counts)
        if not inside.any():
            break
        scaled = weights / np.repeat(least, counts) * multiple
        near = np.abs(scaled - np.rint(scaled)) <= 1e-12 * np.maximum(scaled, 1.0)
        fits = todo & (np.add.reduceat(~near, first) == 0)
        fits &= np.add.reduceat(scaled, first) < LARGEST
        unit[fits] = multiple / least[fits]
        inside = np.repeat(fits, counts)
        votes[inside] = np.rint(scaled[inside])
        todo &= ~fits
    if todo.any():
        exact[todo] = False
        unit[todo] = FINE / np.add.reduceat(weights, first)[todo]
        inside = np.repeat(todo, counts)
        votes[inside] = np.rint((weights * np.repeat(unit, counts))[inside])
    return votes, unit, exact
