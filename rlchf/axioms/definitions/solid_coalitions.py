"""Proportionality for solid coalitions, of every first k responses.

M. Dummett, "Voting procedures", 1984: ballots with l of k Hare quotas that rank the same set of responses
above all others deserve l seats for the set, or as many as it has responses. A ranking keeps this if its
first k responses do, for every k. Responses tied over the last place count for the coalition. On ballots with
gaps there are no solid coalitions here.
"""

from collections.abc import Iterator

import numpy as np

from rlchf.axioms.cases import Case, Check, Judgement, Places
from rlchf.axioms.elections import Elections

NEARLY = 1e-9


def judge(case: Case) -> Judgement:
    """Whether some coalition has fewer of the first k responses than it deserves, for some k."""
    (e,), (places,) = case.elections, case.places
    broken: np.ndarray = np.zeros(len(e), bool)
    sizes = range(1, e.n_responses + 1)
    received = [slots(places, k) for k in sizes]
    for coalition in coalitions(e):
        solid = np.where(coalition[:, None], e.values, -np.inf).max(axis=2) < np.where(
            coalition[:, None], np.inf, e.values
        ).min(axis=2)
        weight = (solid * e.tenths).sum(axis=1)
        size = coalition.sum(axis=1)
        for k, (inside, tied, left) in zip(sizes, received, strict=True):
            deserved = np.minimum(
                np.floor(weight * k / np.maximum(e.totals, NEARLY) + NEARLY), size
            )
            at_most = (coalition & inside).sum(axis=1) + np.minimum(
                (coalition & tied).sum(axis=1), left
            )
            broken |= at_most < deserved
    held = e.complete & e.counts.any(axis=1)
    return Judgement(held, held & broken)


def coalitions(e: Elections) -> Iterator[np.ndarray]:
    """(B, M) bool: sets of responses, among them all that some ballot ranks above all others."""
    B, K, M = e.values.shape
    if 2**M <= K * M:
        for bits in range(1, 2**M - 1):
            yield np.broadcast_to((bits >> np.arange(M)) % 2 == 1, (B, M))
    else:
        for k in range(K):
            for size in range(1, M):
                yield e.ranks[:, k] <= size


def slots(places: Places, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Those surely among the first k (B, M), those tied over the last places, and the number of these."""
    tier = (places[:, :, None] == places[:, None]).sum(axis=2)
    inside = places + tier <= k
    tied = (places < k) & ~inside
    return inside, tied, k - inside.sum(axis=1)


CHECK = Check("solid coalitions", judge)
