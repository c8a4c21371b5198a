"""Tables of ranks from the entries of many ballots, filled by a compiled loop."""

import numpy as np
from numba import njit


def fill_ranks(
    ranks: np.ndarray,
    ballots: tuple[np.ndarray, np.ndarray],
    entries: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Put each ballot's ranks into its column of a table (M, K), and leave the others as they are.

    Parameters
    ----------
    ballots
        (B,) the first ballot and the number of ballots of each prompt; their columns lie end to end.
    entries
        ``entry_starts``, ``entry_responses`` and ``entry_ranks`` of a `rlchf.Rankings`.

    Examples
    --------
    >>> ranks = np.zeros((2, 2), dtype=np.int16)
    >>> one, two = np.array([0]), np.array([2])
    >>> fill_ranks(ranks, (one, two), (np.array([0, 2, 3]), np.array([1, 0, 1]), np.array([1, 2, 1])))
    >>> ranks
    array([[2, 0],
           [1, 1]], dtype=int16)
    """
    _fill(ranks, *ballots, *entries)


@njit(cache=True, nogil=True)
def _fill(
    ranks: np.ndarray,
    first: np.ndarray,
    counts: np.ndarray,
    starts: np.ndarray,
    responses: np.ndarray,
    of_entries: np.ndarray,
) -> None:
    column = 0
    for p in range(len(first)):
        for n in range(first[p], first[p] + counts[p]):
            for e in range(starts[n], starts[n + 1]):
                ranks[responses[e], column] = of_entries[e]
            column += 1
