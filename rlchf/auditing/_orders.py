"""Kemeny's orders of small sets of responses, all of them at once."""

import numpy as np

LARGEST = 8
"""Largest number of responses whose orders are searched."""


def above_in_optimal_orders(wins: np.ndarray) -> np.ndarray:
    """How often i is above j in the orders that agree with the most weight.

    Parameters
    ----------
    wins
        (B, M, M) the weight of the ballots that rank i above j.

    Returns
    -------
    (B, M, M) shares of the optimal strict orders (Kemeny's), each of which counts the same: 1 or 0 where
    all of them agree, 1/2 everywhere if no ballot ranks anything.

    Examples
    --------
    >>> above_in_optimal_orders(np.array([[[0.0, 2.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]]))[0].round(2)
    array([[0.  , 1.  , 0.67],
           [0.  , 0.  , 0.33],
           [0.33, 0.67, 0.  ]])
    """
    B, M, _ = wins.shape
    full = 2**M - 1
    gains = _gains(wins)  # (M, 2^M, B)
    best, count = np.zeros((full + 1, B)), np.zeros((full + 1, B))  # of the orders of the rest
    count[full] = 1
    for placed in range(full - 1, -1, -1):
        free = [i for i in range(M) if not placed >> i & 1]
        values = np.stack([gains[i, placed] + best[placed | 1 << i] for i in free])
        best[placed] = values.max(axis=0)
        counts = np.stack([count[placed | 1 << i] for i in free])
        count[placed] = (counts * (values == best[placed])).sum(axis=0)
    reached, above = np.zeros((full + 1, B)), np.zeros((B, M, M))
    reached[0] = 1  # optimal ways to place these responses first
    for placed in range(full):
        free = [i for i in range(M) if not placed >> i & 1]
        for i in free:
            after = placed | 1 << i
            optimal = gains[i, placed] + best[after] == best[placed]
            ways = reached[placed] * optimal
            reached[after] += ways
            below = [j for j in free if j != i]
            above[:, i, below] += (ways * count[after])[:, None]
    return np.asarray(above / count[0][:, None, None])


def _gains(wins: np.ndarray) -> np.ndarray:
    """(M, 2^M, B) the weight that agrees if i comes next after those placed, given as bits."""
    M = wins.shape[1]
    free = 1 - (np.arange(2**M)[:, None] >> np.arange(M) & 1)  # (2^M, M)
    return np.asarray(np.einsum("sj,bij->isb", free.astype(np.float64), wins))
