"""Consecutive parts of flat arrays: where they begin, and the indices in them."""

import numpy as np


def offsets(sizes: np.ndarray) -> np.ndarray:
    """Where each of several pieces that lie end to end begins, and where the last one ends.

    Examples
    --------
    >>> offsets(np.array([2, 3]))
    array([0, 2, 5])
    """
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Concatenate ``arange(start, start + count)`` for each pair.

    Examples
    --------
    >>> ranges(np.array([5, 0]), np.array([2, 3]))
    array([5, 6, 0, 1, 2])
    """
    ends = offsets(counts)
    return np.repeat(starts - ends[:-1], counts) + np.arange(ends[-1])


def taken(values: np.ndarray | None, indices: np.ndarray) -> np.ndarray | None:
    """Some of the values of a column that need not be there.

    Examples
    --------
    >>> taken(np.array([5, 6, 7]), np.array([2, 0])), taken(None, np.array([2, 0]))
    (array([7, 5]), None)
    """
    return None if values is None else np.asarray(values)[indices]
