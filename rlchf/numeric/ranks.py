"""Ranks of the responses of many prompts at once."""

import numpy as np

CHUNK = 2**17  # responses ranked together: they should fit into the processor's cache


def dense_ranks(starts: np.ndarray, keys: list[np.ndarray]) -> np.ndarray:
    """Rank the responses of each prompt by the first key, then the second, and so on.

    Parameters
    ----------
    starts
        (P + 1,) the responses of prompt ``p`` are at ``starts[p]`` to ``starts[p + 1]``.
    keys
        Arrays (R,); higher is better.

    Returns
    -------
    (R,) int64: 1 is best, equal in all keys is tied, and no rank is left out.

    Examples
    --------
    >>> dense_ranks(np.array([0, 3, 5]), [np.array([1.0, 2.0, 1.0, 0.0, 3.0])])
    array([2, 1, 2, 2, 1])
    """
    ranks = np.empty(int(starts[-1]), dtype=np.int64)
    sizes = np.diff(starts)
    for size in np.flatnonzero(np.bincount(sizes)):
        prompts = np.flatnonzero(sizes == size)
        for part in np.array_split(prompts, 1 + len(prompts) * int(size) // CHUNK):
            cells = starts[part][:, None] + np.arange(size)  # (B, M)
            values = [key[cells] for key in keys]
            order = np.lexsort([-key for key in reversed(values)], axis=1)
            step = np.zeros(cells.T.shape, dtype=np.int64)  # sums over whole rows are fast
            for key in values:
                downwards = np.take_along_axis(key, order, axis=1).T
                step[1:] |= downwards[1:] != downwards[:-1]
            ranks[(starts[part][:, None] + order).T] = np.cumsum(step, axis=0) + 1
    return ranks
