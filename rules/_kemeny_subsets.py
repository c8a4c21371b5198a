"""Kemeny by dynamic programming over subsets, for many small sets of responses at once.

Throughout, an order's gain is the sum of the margins of i over j, over all pairs with i in front of j;
an order disagrees least with the ballots if it gains most.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

MOST = 14
"""The largest set worth searching completely: 2 ** 14 subsets take some hundredths of a second."""

CHUNK = 2**20  # numbers in the largest array


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
    """
    M = place.shape[1]
    k = np.arange(M + 1)
    before = np.maximum.accumulate(np.where(cut, k, 0), axis=1)[:, :-1]  # (B, M) of each place
    after = np.minimum.accumulate(np.where(cut, k, M)[:, ::-1], axis=1)[:, ::-1][:, 1:]
    return np.take_along_axis(M - (before + after + 1) / 2, place, axis=1)


class _Layer(NamedTuple):
    """All subsets of one size."""

    subsets: np.ndarray  # (n,) as bit masks
    members: np.ndarray  # (size, n) the responses in each
    others: np.ndarray  # (M - size, n) the responses not in it


@cache
def _layers(M: int) -> list[_Layer]:
    inside = np.arange(2**M)[:, None] >> np.arange(M) & 1
    layers = []
    for size in range(M + 1):
        subsets = np.flatnonzero(inside.sum(axis=1) == size)
        members = np.nonzero(inside[subsets])[1].reshape(len(subsets), size).T
        others = np.nonzero(1 - inside[subsets])[1].reshape(len(subsets), M - size).T
        layers.append(_Layer(subsets, members, others))
    return layers


def subset_scores(margins: np.ndarray, tolerance: np.ndarray, lexicographic: bool) -> np.ndarray:
    """Kemeny scores of (B, M, M) margins, M at most `MOST`; gains within ``tolerance`` (B,) are equal."""
    B, M = margins.shape[:2]
    step = max(1, CHUNK // (M * 2**M))
    search = _first_order if lexicographic else _blocks
    chunks = [slice(start, start + step) for start in range(0, B, step)]
    return np.concatenate([search(margins[chunk], tolerance[chunk]) for chunk in chunks])


def _best_gains(margins: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the best orders gain; prompts are innermost.

    Returns
    -------
    added
        (2 ** M, M, B) the gain of putting a response right behind a subset.
    front
        (2 ** M, B) the most that an order of the subset gains.
    back
        (2 ** M, B) the most that an order of the others gains behind the subset.
    """
    B, M = margins.shape[:2]
    inside = (np.arange(2**M)[:, None] >> np.arange(M) & 1).astype(np.float64)
    added = (inside @ margins.transpose(1, 2, 0).reshape(M, M * B)).reshape(2**M, M, B)
    front, back = np.zeros((2**M, B)), np.zeros((2**M, B))
    for layer in _layers(M)[1:]:
        best = np.full((len(layer.subsets), B), -np.inf)
        for member in layer.members:
            smaller = layer.subsets - (1 << member)
            np.maximum(best, front[smaller] + added[smaller, member], out=best)
        front[layer.subsets] = best
    for layer in _layers(M)[-2::-1]:
        best = np.full((len(layer.subsets), B), -np.inf)
        for other in layer.others:
            larger = layer.subsets + (1 << other)
            np.maximum(best, added[layer.subsets, other] + back[larger], out=best)
        back[layer.subsets] = best
    return added, front, back


def _blocks(margins: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Scores in blocks, cut where all optimal orders have the same responses in front."""
    B, M = margins.shape[:2]
    _, front, back = _best_gains(margins)
    optimal = front + back >= front[-1] - tolerance  # (2 ** M, B): an optimal order begins with it
    cut = np.ones((B, M + 1), dtype=bool)
    blocks_before = np.zeros((B, M), dtype=np.int64)
    for size, layer in enumerate(_layers(M)[1:-1], start=1):
        here = optimal[layer.subsets]
        cut[:, size] = here.sum(axis=0) == 1
        inside = layer.subsets[here.argmax(axis=0)][:, None] >> np.arange(M) & 1
        blocks_before += cut[:, size, None] & (inside == 0)
    place = np.argsort(np.argsort(blocks_before, axis=1, kind="stable"), axis=1)
    return block_scores(cut, place)


def _first_order(margins: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Scores of the first optimal order, in the order of the responses."""
    B, M = margins.shape[:2]
    added, front, back = _best_gains(margins)
    prompts, subset = np.arange(B), np.zeros(B, dtype=np.int64)
    scores = np.empty((B, M))
    gain = np.zeros(B)
    for score in range(M - 1, -1, -1):
        chosen = np.full(B, -1)
        for response in range(M):
            larger = subset | 1 << response
            total = gain + added[subset, response, prompts] + back[larger, prompts]
            fits = (larger != subset) & (total >= front[-1] - tolerance) & (chosen < 0)
            chosen[fits] = response
        gain += added[subset, chosen, prompts]
        subset |= 1 << chosen
        scores[prompts, chosen] = score
    return scores
