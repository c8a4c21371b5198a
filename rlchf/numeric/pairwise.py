"""How many votes rank one response above another: the count behind every majority rule."""

from typing import Any

import numpy as np

from rlchf.limits import check_memory
from rlchf.numeric.arrays import Array, array_namespace, device_of, is_torch_array, segment_sum
from rlchf.numeric.chunks import CACHE, chunks

TABLES = 3
"""Tables of all pairs that most rules hold at once."""
BUDGET = 2 * CACHE  # ranks are counted as bytes


def pairwise_wins(ranks: Array, starts: np.ndarray, votes: Array) -> Array:
    """Count the votes of the ballots that rank ``i`` above ``j``.

    Parameters
    ----------
    ranks
        (M, K) ranks: 1 is best, 0 is not ranked.
    starts
        (B + 1,) where each prompt's ballots begin.
    votes
        (K,) whole numbers.

    Returns
    -------
    (B, M, M) float64, a view of an array with prompts innermost.

    Examples
    --------
    >>> pairwise_wins(np.array([[1, 1], [2, 0]], dtype=np.int16), np.array([0, 2]), np.ones(2))[0]
    array([[0., 1.],
           [0., 0.]])
    """
    xp = array_namespace(ranks)
    M, B = ranks.shape[0], len(starts) - 1
    check_pairs(M, B)
    wins = xp.zeros((M, M, B), dtype=xp.float64, device=device_of(ranks))
    for chunk in [slice(0, B)] if is_torch_array(ranks) else chunks(B, M * len(votes) / B, BUDGET):
        ballots = slice(int(starts[chunk.start]), int(starts[chunk.stop]))
        chunk_starts = starts[chunk.start : chunk.stop + 1] - starts[chunk.start]
        _count(ranks[:, ballots], chunk_starts, votes[ballots], wins[:, :, chunk])
    return xp.permute_dims(wins, (2, 0, 1))


def check_pairs(M: int, B: int) -> None:
    """Refuse tables of all pairs of responses that memory cannot hold, before they are made.

    Parameters
    ----------
    M
        The number of responses.
    B
        The number of prompts.

    Raises
    ------
    ValueError
        If wins, their transpose and margins take more memory than there is.
    """
    check_memory(
        TABLES * 8.0 * M * M * B,
        f"comparing each two of {M:,} responses{f' on {B:,} prompts' if B > 1 else ''}",
        "give fewer responses on a prompt, choose a rule that compares no pairs, such as plurality, stv "
        "or utilitarian",
    )


def _count(ranks: Array, starts: np.ndarray, votes: Array, wins: Array) -> None:
    """Fill the (M, M, B) wins of one chunk."""
    xp = array_namespace(ranks)
    number = _smallest(xp, ranks, starts, votes)
    unit = bool(xp.all(votes == 1))
    sizes = np.diff(starts)
    equal = bool((sizes == sizes[0]).all())
    if equal:  # ballots before prompts, so that a sum over ballots adds whole rows
        planes = _planes(xp, ranks, int(sizes[0]))
        votes = votes if unit else _planes(xp, votes[None], int(sizes[0]))[0]
    else:
        planes = ranks
    votes = xp.astype(votes, number)
    ranked = None if bool(xp.all(ranks > 0)) else planes > 0

    def total(hits: Array) -> Array:
        counted = _as_bytes(xp, hits) if unit else xp.where(hits, votes, xp.zeros_like(votes))
        if equal:
            return xp.sum(counted, axis=1, dtype=number)
        return segment_sum(xp.astype(counted, number, copy=False), starts)

    for i in range(ranks.shape[0] - 1):
        above, below = planes[i] < planes[i + 1 :], planes[i + 1 :] < planes[i]
        if ranked is not None:
            both = ranked[i] & ranked[i + 1 :]
            above, below = above & both, below & both
        wins[i, i + 1 :] = total(above)
        wins[i + 1 :, i] = total(below)


def _planes(xp: Any, rows: Array, ballots: int) -> Array:
    """(R, B V) to (R, V, B), in one byte each if the numbers allow."""
    R = rows.shape[0]
    turned = xp.permute_dims(xp.reshape(rows, (R, -1, ballots)), (0, 2, 1))
    small = bool(xp.max(rows) < 128) and not xp.isdtype(rows.dtype, "real floating")
    planes = xp.empty(turned.shape, dtype=xp.int8 if small else rows.dtype, device=device_of(rows))
    planes[...] = turned
    return planes


def _as_bytes(xp: Any, hits: Array) -> Array:
    return hits.view(xp.int8) if isinstance(hits, np.ndarray) else xp.astype(hits, xp.int8)


def _smallest(xp: Any, ranks: Array, starts: np.ndarray, votes: Array) -> Any:
    """The smallest number type that holds the sum of the votes on any prompt of the chunk."""
    most = float(xp.max(votes)) * int(np.diff(starts).max())
    for dtype, limit in ((xp.int8, 2**7), (xp.int16, 2**15), (xp.int32, 2**31)):
        if most < limit:
            return dtype
    return xp.float64
