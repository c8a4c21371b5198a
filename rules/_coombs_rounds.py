"""Coombs's rule on one prompt of many responses, with as little work per round as possible.

There may be as many rounds as pairs of responses, so they are compiled, and each only touches who is
still there.
"""

from fractions import Fraction
from math import gcd

import numpy as np
from numba import njit

from rlchf.rules._elimination import EXACT


def ranked_by_majority_stops(ranks: np.ndarray, votes: np.ndarray, one_by_one: bool) -> np.ndarray:
    """Score each response by how many come after it, (M,), as `coombs` does.

    Parameters
    ----------
    ranks
        (M, V) places, 0 where a ballot says nothing.
    votes
        (V,) whole numbers.
    one_by_one
        Whether of those tied only the last goes.
    """
    M = len(ranks)
    rows, slot = np.unique(ranks.T, axis=0, return_inverse=True)  # (V', M) different ballots
    votes, places = np.bincount(slot.ravel(), votes), np.ascontiguousarray(rows).astype(np.int64)
    waiting, scores = np.arange(M), np.zeros(M)
    while len(waiting):
        won = _winners(places, votes, waiting, one_by_one)
        waiting = np.setdiff1d(waiting, won, assume_unique=True)
        scores[won] = len(waiting)
    return scores


def _winners(
    places: np.ndarray, votes: np.ndarray, waiting: np.ndarray, one_by_one: bool
) -> np.ndarray:
    """Who wins among the responses that are waiting."""
    here = waiting.copy()
    while True:
        left, decided = _rounds(places, votes, here, one_by_one, EXACT)
        here = here[:left]
        if decided:
            return here
        gone = _most_last_places(places[:, here], votes)
        if one_by_one:
            gone = gone[-1:]
        if len(gone) == len(here):
            return here
        here = np.delete(here, gone)


@njit(cache=True, nogil=True)
def _rounds(
    places: np.ndarray, votes: np.ndarray, here: np.ndarray, one_by_one: bool, exact: float
) -> tuple[int, bool]:  # pragma: no cover
    """Move those who are left to the front of ``here``, in their order.

    Returns how many they are, and whether they win. If they don't, shares of last places no longer
    fit into exact numbers.
    """
    (V, M), left = places.shape, len(here)
    last, sharers = np.zeros(V, np.int64), np.zeros(V, np.int64)
    firsts, counts = np.zeros(M), np.zeros(M)
    total, nowhere = max(votes.sum(), 1.0), places.max() + 1
    while left > 1:
        for i in here[:left]:
            firsts[i] = counts[i] = 0.0
        cast, unit, fits = 0.0, 1, True
        for v in range(V):
            first, last[v], tops, ends, top = nowhere, 0, 0, 0, 0
            for i in here[:left]:
                place = places[v, i]
                if place == 0:
                    continue
                if place < first:
                    first, tops, top = place, 0, i
                if place > last[v]:
                    last[v], ends = place, 0
                tops += place == first
                ends += place == last[v]
            cast += votes[v] * (ends > 0)
            firsts[top] += votes[v] * (tops == 1)
            sharers[v] = ends * (first < last[v])
            if sharers[v] and fits:
                part = sharers[v] // gcd(unit, sharers[v])
                fits = float(unit) * part * total < exact
                unit = unit * part if fits else unit
        for i in here[:left]:
            if 2 * firsts[i] > cast:
                here[0] = i
                return 1, True
        if not fits:
            return left, False
        for v in range(V):
            if sharers[v]:
                for i in here[:left]:
                    counts[i] += votes[v] * (unit // sharers[v]) * (places[v, i] == last[v])
        most, out, final = -1.0, 0, 0
        for i in here[:left]:
            if counts[i] >= most:
                out = 1 if counts[i] > most or one_by_one else out + 1
                most, final = counts[i], i
        if out == left:
            return left, True
        kept = 0
        for i in here[:left]:
            if counts[i] < most or (one_by_one and i != final):
                here[kept] = i
                kept += 1
        left = kept
    return left, True


def _most_last_places(places: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """Indices of those who have the most last places, among all columns of (V, M) places."""
    lowest = places.max(axis=1)
    hits = places == lowest[:, None]
    several = np.where(places > 0, places, lowest[:, None]).min(axis=1) < lowest
    hits, votes = hits[several], votes[several]
    sharers = hits.sum(axis=1).tolist()
    shares = [Fraction(int(v), t) for v, t in zip(votes.tolist(), sharers, strict=True)]
    counts = np.array(shares, dtype=object) @ hits.astype(object)
    return np.flatnonzero(counts == counts.max())
