"""Systematic sampling: seats at equal distances along people in order, with given probabilities."""

from collections.abc import Sequence

import numpy as np


def systematic_seats(
    weights: np.ndarray, size: int, strata: Sequence[tuple[str, ...]], rng: np.random.Generator
) -> np.ndarray:
    """(A,) seats of each person, in proportion to weights in expectation.

    People are shuffled, sorted by stratum, and arranged on a line by weight; seats are drawn at equal
    distances. Every stratum gets its share of the seats rounded up or down, and so do the first strata in
    order together; nobody with less than a seat's share gets two.

    References
    ----------
    W. G. Madow, "On the theory of systematic sampling, II", 1949.

    Examples
    --------
    >>> seats = systematic_seats(np.ones(4), 2, [("f",), ("f",), ("m",), ("m",)], np.random.default_rng(0))
    >>> seats.tolist()
    [1, 0, 1, 0]
    """
    order = np.array(sorted(rng.permutation(len(weights)), key=lambda a: strata[a]))
    order = order[weights[order] > 0]
    ends = np.cumsum(weights[order]) * (size / weights.sum())
    chosen = np.searchsorted(ends, rng.random() + np.arange(size), side="right")
    return np.bincount(order[np.minimum(chosen, len(order) - 1)], minlength=len(weights))
