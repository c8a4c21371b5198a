"""Compiled pieces that rules across prompts share: pairs of responses, and the order of one prompt.

All of them work on one prompt: ``ranks`` (V, M) with 0 for a response that is not ranked, ``weights``
(V,). An order is (M,), the responses from first to last. Sums that differ by less than `NEARLY` of the
total weight count as equal.
"""

import numpy as np
from numba import njit

NEARLY = 1e-9
MOST_FOR_SUBSETS = 10
"""The largest number of responses for which all subsets are searched."""
MOST_FOR_ORDERS = 6
"""The largest number of responses for which all orders are compared."""

GRADE = 2.0**-40
"""The unit of graded pairs."""
FULL = 0.1
"""The share of the weight from which a smaller side makes a graded pair count in full."""

SOME, ALL = 1, 2


@njit(cache=True, nogil=True)
def supporters(ranks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Whether `ALL`, `SOME` or none (0) of the ballots of positive weight rank i above j, (M, M) int8.

    A pair is unanimous if all do. It is contested if some rank it one way and some the other way.
    """
    V, M = ranks.shape
    above, voters = np.zeros((M, M), dtype=np.int64), 0
    for k in range(V):
        if weights[k] > 0.0:
            voters += 1
            for i in range(M):
                if ranks[k, i] > 0:
                    for j in range(M):
                        above[i, j] += ranks[k, i] < ranks[k, j]
    support = np.zeros((M, M), dtype=np.int8)
    for i in range(M):
        for j in range(M):
            support[i, j] = 0 if above[i, j] == 0 else ALL if above[i, j] == voters else SOME
    return support


@njit(cache=True, nogil=True)
def contested_pairs(support: np.ndarray) -> np.ndarray:
    """(M, M) float64, symmetric: 1 for the pairs that are contested, from `supporters`, and 0 for others."""
    M = len(support)
    contested = np.empty((M, M))
    for i in range(M):
        for j in range(M):
            contested[i, j] = 1.0 if support[i, j] > 0 and support[j, i] > 0 else 0.0
    return contested


@njit(cache=True, nogil=True)
def graded_pairs(ranks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(M, M) float64, symmetric: how much each pair counts by the weight of its smaller side.

    With s the smaller side's share of the weight of all ballots it is (s / `FULL`)^2, at most 1: 0 for a pair
    that is not contested, 1 for one on which a tenth of the weight dissents. It is rounded to a multiple of
    `GRADE`, so that sums and differences of these numbers are exact.
    """
    M, total = ranks.shape[1], weights.sum()
    graded, above = np.zeros((M, M)), count_above(ranks, weights)
    for i in range(M):
        for j in range(M):
            smaller = min(above[i, j], above[j, i])
            if smaller > 0.0:
                part = min(smaller / total / FULL, 1.0) ** 2
                graded[i, j] = max(np.rint(part / GRADE), 1.0) * GRADE
    return graded


@njit(cache=True, nogil=True)
def count_above(ranks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(M, M) the weight of the ballots that rank i above j."""
    V, M = ranks.shape
    above = np.zeros((M, M))
    for k in range(V):
        for i in range(M):
            if ranks[k, i] == 0:
                continue
            for j in range(M):  # without branches, so that the processor counts several at a time
                above[i, j] += weights[k] * (ranks[k, i] < ranks[k, j])
    return above


@njit(cache=True, nogil=True)
def first_kemeny_order(above: np.ndarray, order: np.ndarray) -> None:
    """Fill ``order`` with the first optimal order of up to `MOST_FOR_SUBSETS` responses.

    Of the orders that disagree least it is the first in the order of the responses.
    """
    M, total = len(order), 0.0
    margins = np.empty((M, M))
    for i in range(M):
        for j in range(M):
            margins[i, j] = above[i, j] - above[j, i]
            total += above[i, j]
    best_by_subsets(margins, NEARLY * total, order)


@njit(cache=True, nogil=True)
def best_by_subsets(margins: np.ndarray, slack: float, order: np.ndarray) -> None:
    """Fill ``order`` with the first order whose gain is the largest, or smaller by at most ``slack``.

    The gain of an order is the sum of the (M, M) ``margins`` of each response over those behind it. A
    margin of minus infinity forbids i before j.
    """
    M = len(order)
    best = np.zeros(1 << M)  # the gain of the best order of a subset
    for subset in range(1, 1 << M):
        top = -np.inf
        for i in range(M):
            if subset >> i & 1:
                gain = best[subset ^ (1 << i)]
                for j in range(M):
                    if subset >> j & 1:
                        gain += margins[i, j]
                top = max(top, gain)
        best[subset] = top
    rest = (1 << M) - 1
    for rank in range(M):
        for i in range(M):
            if rest >> i & 1:
                gain = best[rest ^ (1 << i)]
                for j in range(M):
                    if rest >> j & 1:
                        gain += margins[i, j]
                if gain >= best[rest] - slack:
                    order[rank] = i
                    rest ^= 1 << i
                    break


@njit(cache=True, nogil=True)
def first_borda_order(above: np.ndarray, order: np.ndarray) -> None:
    """Fill ``order`` by symmetric Borda scores, equal ones in the order of the responses."""
    M, total = len(order), 0.0
    scores = np.zeros(M)
    for i in range(M):
        for j in range(M):
            scores[i] += above[i, j] - above[j, i]
            total += above[i, j]
    order_by_scores(scores, NEARLY * total, order)


@njit(cache=True, nogil=True)
def first_approval_order(ranks: np.ndarray, weights: np.ndarray, order: np.ndarray) -> None:
    """Fill ``order`` by the weight of the ballots that approve, equal ones in the order of the responses."""
    M, total = len(order), 0.0
    scores = np.zeros(M)
    for k in range(len(ranks)):
        total += weights[k]
        for i in range(M):
            if approves(ranks[k], i):
                scores[i] += weights[k]
    order_by_scores(scores, NEARLY * total, order)


@njit(cache=True, nogil=True)
def order_by_scores(scores: np.ndarray, slack: float, order: np.ndarray) -> None:
    """Fill ``order`` from the highest score down; scores within ``slack`` in the order of the responses."""
    M = len(order)
    unplaced = np.ones(M, dtype=np.bool_)
    for rank in range(M):
        chosen = -1
        for i in range(M):
            if unplaced[i] and (chosen < 0 or scores[i] > scores[chosen] + slack):
                chosen = i
        order[rank] = chosen
        unplaced[chosen] = False


@njit(cache=True, nogil=True)
def approves(ballot: np.ndarray, i: int) -> bool:
    """Whether response i is in the better half of a ballot, as in `_parts.committees.ballots.approvals`."""
    if ballot[i] == 0:
        return False
    above, below = 0, 0
    for rank in ballot:
        above += 0 < rank < ballot[i]
        below += ballot[i] < rank
    return ballot[i] == 1 or above < below
