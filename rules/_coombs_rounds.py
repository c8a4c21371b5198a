"""Coombs's rule on one prompt of many responses, with as little work per round as possible.

There may be as many rounds as pairs of responses, so each only touches who is still there.
"""

import math
from fractions import Fraction

import numpy as np

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
    votes, places = np.bincount(slot.ravel(), votes), np.ascontiguousarray(rows)
    waiting, scores = np.arange(M), np.zeros(M)
    while len(waiting):
        won = _winners(places[:, waiting], votes, one_by_one)
        scores[waiting[won]] = len(waiting) - len(won)
        waiting = np.delete(waiting, won)
    return scores


def _winners(places: np.ndarray, votes: np.ndarray, one_by_one: bool) -> np.ndarray:
    """Who wins among the columns of (V, M) places."""
    here = np.arange(places.shape[1])
    complete = bool((places > 0).all())
    above = places if complete else np.where(places > 0, places, np.iinfo(places.dtype).max)
    while len(here) > 1:
        first, last = above.min(axis=1), places.max(axis=1)
        top, ranked = above == first[:, None], last > 0
        alone = ranked & (np.count_nonzero(top, axis=1) == 1)
        firsts = np.bincount(top.argmax(axis=1)[alone], votes[alone], minlength=1)
        if 2 * firsts.max() > votes[ranked].sum():
            return here[[firsts.argmax()]]
        several = ranked & (first < last)
        counts = _shared(places[several] == last[several, None], votes[several])
        gone = np.flatnonzero(counts == counts.max())
        if one_by_one:
            gone = gone[-1:]
        if len(gone) == len(here):
            break
        stays = np.ones(len(here), dtype=bool)
        stays[gone] = False
        kept = np.flatnonzero(stays)
        here, places = here[kept], places.take(kept, axis=1)
        above = places if complete else above.take(kept, axis=1)
    return here


def _shared(hits: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """(M,) last places, shared by all whom a ballot hits, in units that make them whole."""
    sharers = np.count_nonzero(hits, axis=1)
    unit = math.lcm(*set(sharers.tolist()))
    if unit * float(votes.sum()) < EXACT:
        return np.asarray((votes * (unit / sharers)) @ hits)
    parts = [Fraction(int(v), t) for v, t in zip(votes.tolist(), sharers.tolist(), strict=True)]
    return np.asarray(np.array(parts, dtype=object) @ hits.astype(object))
