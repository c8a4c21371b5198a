"""Coombs's rule on prompts of many responses, with as little work per round as possible.

There may be as many rounds as pairs of responses, so the rounds are compiled. The first and the last place
of each ballot are stored; they change only when the last response in one of them is eliminated.
"""

from itertools import pairwise
from math import gcd, lcm

import numpy as np
from numba import njit

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules._parts.elimination import EXACT

NEARLY = 1e-9  # sums of shares, as floats, that differ by more than this share of all votes differ


def coombs_of_many(profiles: Profiles, one_by_one: bool) -> Array:
    """Scores (B, M) by `coombs` with the majority stop, one prompt after the other on the CPU."""
    ranks, votes = to_numpy(profiles.ranks), to_numpy(profiles.integer_weights)
    scores = [
        _repeated_winners(ranks[:, start:end], votes[start:end], one_by_one)
        for start, end in pairwise(profiles.starts.tolist())
    ]
    xp = array_namespace(profiles.ranks)
    return xp.asarray(np.stack(scores), device=device_of(profiles.ranks))


def _repeated_winners(ranks: np.ndarray, votes: np.ndarray, one_by_one: bool) -> np.ndarray:
    """Score each response by the number of responses ranked after it, (M,).

    Parameters
    ----------
    ranks
        (M, V), 0 where a ballot does not rank a response.
    votes
        (V,) integers.
    one_by_one
        Whether only the last of the tied responses is eliminated.
    """
    M = len(ranks)
    rows, slot = np.unique(ranks.T, axis=0, return_inverse=True)  # (V', M) different ballots
    votes, places = np.bincount(slot.ravel(), votes), rows.astype(np.int32)
    waiting, scores = np.arange(M), np.zeros(M)
    while len(waiting):
        won = waiting[_winners(places[:, waiting], votes, one_by_one)]
        waiting = np.setdiff1d(waiting, won, assume_unique=True)
        scores[won] = len(waiting)
    return scores


def _winners(places: np.ndarray, votes: np.ndarray, one_by_one: bool) -> np.ndarray:
    """The columns of ``places`` that win; eliminated responses get place 0."""
    places, remaining = np.ascontiguousarray(places), np.ones(places.shape[1], dtype=bool)
    while not _rounds(places, votes, remaining, one_by_one, EXACT):
        members = np.flatnonzero(remaining)
        eliminated = _most_last_places(places[:, members], votes)
        if one_by_one:
            eliminated = eliminated[-1:]
        if len(eliminated) == len(members):
            break
        remaining[members[eliminated]], places[:, members[eliminated]] = False, 0
    return np.flatnonzero(remaining)


@njit(cache=True, nogil=True)
def _rounds(
    places: np.ndarray, votes: np.ndarray, remaining: np.ndarray, one_by_one: bool, exact: float
) -> bool:  # pragma: no cover
    """Remove eliminated responses from ``remaining`` and ``places``; return whether the others win.

    If not, the response with the most last places can be found in fractions only.
    """
    (V, M), total = places.shape, max(votes.sum(), 1.0)
    ends = np.zeros((V, 5), np.int64)
    for v in range(V):
        _find_ends(places[v], ends[v])
    while remaining.sum() > 1:
        firsts, counts = np.zeros(M), np.zeros(M)
        cast, unit, fits = 0.0, 1, True
        for v in range(V):
            first, tops, top, last, sharers = ends[v]
            cast += votes[v] * (sharers > 0)
            firsts[top] += votes[v] * (tops == 1)
            if first < last and fits:
                part = sharers // gcd(unit, sharers)
                fits = float(unit) * part * total < exact
                unit = unit * part if fits else unit
        for i in range(M):
            if remaining[i] and 2 * firsts[i] > cast:
                remaining[:] = False
                remaining[i] = True
                return True
        for v in range(V):
            first, tops, top, last, sharers = ends[v]
            if first < last:
                share = votes[v] * (unit // sharers) if fits else votes[v] / sharers
                for i in range(
                    M
                ):  # without branches, so that the processor counts several at a time
                    counts[i] += share * (places[v, i] == last)
        most, out, final = -1.0, 0, 0
        for i in range(M):
            if remaining[i] and counts[i] >= most:
                out = 1 if counts[i] > most or one_by_one else out + 1
                most, final = counts[i], i
        if not fits and (remaining & (counts >= most - NEARLY * total)).sum() > 1:
            return False
        if out == remaining.sum():
            return True
        for i in range(M):
            if remaining[i] and counts[i] == most and (i == final or not one_by_one):
                remaining[i] = False
                for v in range(V):
                    _remove(places[v], i, ends[v])
    return True


@njit(cache=True, nogil=True)
def _find_ends(places: np.ndarray, ends: np.ndarray) -> None:  # pragma: no cover
    """Fill (5,): the first place, the number and one of its responses; the last place and its number."""
    first, last = np.iinfo(np.int32).max, 0
    for rank in places:
        first = min(first, rank) if rank > 0 else first
        last = max(last, rank)
    ends[:] = first, 0, 0, last, 0
    if last > 0:
        for i in range(len(places)):
            if places[i] == first:
                ends[1] += 1
                ends[2] = i
            ends[4] += places[i] == last


@njit(cache=True, nogil=True)
def _remove(places: np.ndarray, i: int, ends: np.ndarray) -> None:  # pragma: no cover
    """Give response i place 0 on one ballot, and find its new first and last places if they changed."""
    rank = places[i]
    if rank == 0:
        return
    places[i] = 0
    ends[1] -= rank == ends[0]
    ends[4] -= rank == ends[3]
    if (rank == ends[0] and ends[1] < 2) or ends[4] == 0:
        _find_ends(places, ends)


def _most_last_places(places: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """Indices of the columns of (V, M) places with the most last places."""
    lowest = places.max(axis=1)
    hits = places == lowest[:, None]
    several = np.where(places > 0, places, lowest[:, None]).min(axis=1) < lowest
    hits, votes = hits[several], votes[several]
    sharers = hits.sum(axis=1)
    about = (votes / sharers) @ hits
    most = np.flatnonzero(about >= about.max() - NEARLY * votes.sum())
    unit = lcm(*sharers.tolist())
    counts = np.zeros(len(most), dtype=object)
    for t in np.unique(sharers).tolist():
        same = votes[sharers == t] @ hits[sharers == t][:, most]  # whole numbers
        counts += same.astype(np.int64).astype(object) * (unit // t)
    chosen: np.ndarray = most[counts == counts.max()]
    return chosen
