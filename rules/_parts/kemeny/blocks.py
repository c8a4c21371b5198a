"""Where a ranking is cut into blocks of tied responses, and the scores of such a ranking."""

import numpy as np


def cuts(descending: np.ndarray) -> np.ndarray:
    """Where everybody in front beats everybody behind.

    Parameters
    ----------
    descending
        (B, M) wins minus losses of each response in some relation, sorted from the largest down.

    Returns
    -------
    (B, M + 1) bool: the first k responses beat all others. For k responses their wins and losses
    among each other cancel, so that what is left is k (M - k) exactly if they beat all others.

    Examples
    --------
    >>> cuts(np.array([[2, -1, -1]]))  # one beats two others, which are tied
    array([[ True,  True, False,  True]])
    """
    M = descending.shape[1]
    k = np.arange(1, M + 1)
    inner = np.cumsum(descending, axis=1) == k * (M - k)
    return np.concatenate([np.ones((len(inner), 1), dtype=bool), inner], axis=1)


def block_scores(cut: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Scores of a ranking in blocks: responses in later blocks plus half the others of the same block.

    Parameters
    ----------
    cut
        (B, M + 1) bool: whether a block ends after k responses; true at 0 and M.
    place
        (B, M) for each response its place, from 0, in an order that the blocks cut.

    Examples
    --------
    >>> block_scores(np.array([[True, True, False, True]]), np.array([[2, 0, 1]]))
    array([[0.5, 2. , 0.5]])
    """
    M = place.shape[1]
    k = np.arange(M + 1)
    before = np.maximum.accumulate(np.where(cut, k, 0), axis=1)[:, :-1]  # (B, M) of each place
    after = np.minimum.accumulate(np.where(cut, k, M)[:, ::-1], axis=1)[:, ::-1][:, 1:]
    return np.take_along_axis(M - (before + after + 1) / 2, place, axis=1)
