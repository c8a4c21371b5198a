"""Ranked pairs, Tideman's rule."""

from collections.abc import Iterator

import numpy as np

from rlchf.arrays import Array, array_namespace, device, to_numpy
from rlchf.profiles import Profiles

BITS = 62  # responses whose reach fits into one int64
CHUNK = 2**16  # numbers in one array of reaches: they should fit into the processor's cache


def ranked_pairs(profiles: Profiles) -> Array:
    """Rank by locking in majority wins from the largest margin down, skipping those that close a cycle.

    The result is a strict order. Equal margins are taken in the order of the responses: by the
    index of the winner, then that of the loser; pairs without a majority come last, the first
    response of the pair counting as its winner. So the names of the responses don't matter when all
    margins are distinct and not 0, and may matter otherwise.

    Returns
    -------
    (B, M) array of scores from M - 1 (first) to 0 (last).

    References
    ----------
    T. N. Tideman, "Independence of clones as a criterion for voting rules", 1987.

    Examples
    --------
    The cycle a > b > c > a is broken at its smallest margin, that of c over a:

    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> ranked_pairs(Profiles.from_ballots([cycle]))
    array([[2., 1., 0.]])
    """
    xp, place = array_namespace(profiles.ranks), device(profiles.ranks)
    B, M = profiles.n_prompts, profiles.n_responses
    if M > BITS:  # one at a time, on the CPU
        orders = np.stack([_lock_one(margins) for margins in to_numpy(profiles.margins)])
        return xp.asarray(orders, device=place)
    scores = xp.empty((B, M), dtype=xp.float64, device=place)
    step = max(1, CHUNK // M)
    for start in range(0, B, step):
        chunk = slice(start, min(start + step, B))
        scores[chunk] = _lock(profiles.margins[chunk])
    return scores


def _edges(margins: Array) -> tuple[Array, Array]:
    """Winners and losers of all pairs in the order of locking, (B, M (M - 1) / 2) each."""
    xp = array_namespace(margins)
    M = margins.shape[1]
    i, j = np.nonzero(~np.eye(M, dtype=bool))  # all ordered pairs, by winner and then by loser
    first = xp.asarray(i < j, device=device(margins))
    i, j = (xp.asarray(index, device=device(margins)) for index in (i, j))
    keys = -margins[:, i, j]
    keys = xp.where((keys < 0) | ((keys == 0) & first), keys, xp.inf)
    order = xp.argsort(keys, axis=1, stable=True)[:, : M * (M - 1) // 2]
    return i[order], j[order]


def _lock(margins: Array) -> Array:
    """Scores of (B, M, M) margins; all prompts lock their e-th pair at once."""
    xp = array_namespace(margins)
    B, M = margins.shape[:2]
    winners, losers = (xp.asarray(side.T, copy=True) for side in _edges(margins))
    prompts = xp.arange(B, device=device(margins))
    responses = xp.arange(M, dtype=xp.int64, device=device(margins))
    # Bit j of reach[i, b]: in prompt b a path of locked pairs leads from i to j; i reaches itself.
    reach = xp.zeros((M, B), dtype=xp.int64, device=device(margins))
    reach += (xp.ones_like(responses) << responses)[:, None]
    for winner, loser in zip(winners, losers, strict=True):
        below = reach[loser, prompts]  # (B,)
        below = below * (1 - ((below >> winner) & 1))  # nothing if the pair would close a cycle
        reach |= below[None] * ((reach >> winner[None]) & 1)
    reached = (reach[None] >> responses[:, None, None]) & 1  # (M, M, B)
    return xp.astype(xp.sum(reached, axis=0) - 1, xp.float64).T


def _lock_one(margins: np.ndarray) -> np.ndarray:
    """Scores of one prompt's (M, M) margins; sets of responses are Python integers, bit by bit."""
    M = len(margins)
    winners, losers = (side[0].tolist() for side in _edges(margins[None]))
    reach = [1 << i for i in range(M)]  # whom i reaches
    reached_by = [1 << i for i in range(M)]  # who reaches i
    for winner, loser in zip(winners, losers, strict=True):
        if reach[loser] >> winner & 1 or reach[winner] >> loser & 1:
            continue  # it would close a cycle, or says nothing new
        above = reached_by[winner] & ~reached_by[loser]  # these reach the winner, and now the loser
        below = reach[loser] & ~reach[winner]
        gained, gains = reach[loser], reached_by[winner]
        for i in _members(above):
            reach[i] |= gained
        for j in _members(below):
            reached_by[j] |= gains
    return np.array([reach[i].bit_count() - 1.0 for i in range(M)])


def _members(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
