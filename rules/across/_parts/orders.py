"""Compiled pieces that rules across prompts share: what is contested, and the order of one prompt.

All of them work on one prompt: ``ranks`` (V, M) with 0 for no place, ``weights`` (V,). An order is (M,),
the responses from first to last. Sums that differ by less than `NEARLY` of all weight count as equal.
"""

import numpy as np
from numba import njit

NEARLY = 1e-9
MOST = 10
"""The largest number of responses of which all subsets are searched."""
LISTED = 6
"""The largest number of responses of which all orders are compared."""


@njit(cache=True, nogil=True)
def count_above(ranks: np.ndarray, weights: np.ndarray, above: np.ndarray) -> None:
    """Fill (M, M) ``above`` with the weight of the ballots that rank i above j."""
    V, M = ranks.shape
    above[:M, :M] = 0.0
    for k in range(V):
        for i in range(M):
            if ranks[k, i] == 0:
                continue
            for j in range(M):  # without branches, so that the processor counts several at once
                above[i, j] += weights[k] * (ranks[k, i] < ranks[k, j])


@njit(cache=True, nogil=True)
def first_kemeny_order(above: np.ndarray, M: int, order: np.ndarray) -> None:
    """Fill ``order`` with the first, by the responses' order, of the orders that disagree least.

    M is at most `MOST`.
    """
    scale = 0.0
    for i in range(M):
        for j in range(M):
            scale += above[i, j]
    slack = NEARLY * scale
    best = np.zeros(1 << M)  # what the best order of a subset gains
    for subset in range(1, 1 << M):
        top = -np.inf
        for i in range(M):
            if subset >> i & 1:
                gain = best[subset ^ (1 << i)]
                for j in range(M):
                    if subset >> j & 1:
                        gain += above[i, j] - above[j, i]
                top = max(top, gain)
        best[subset] = top
    left = (1 << M) - 1
    for place in range(M):
        for i in range(M):
            if left >> i & 1:
                gain = best[left ^ (1 << i)]
                for j in range(M):
                    if left >> j & 1:
                        gain += above[i, j] - above[j, i]
                if gain >= best[left] - slack:
                    order[place] = i
                    left ^= 1 << i
                    break


@njit(cache=True, nogil=True)
def first_borda_order(above: np.ndarray, M: int, order: np.ndarray) -> None:
    """Fill ``order`` by symmetric Borda scores, equal ones in the responses' order."""
    scores, scale = np.zeros(M), 0.0
    for i in range(M):
        for j in range(M):
            scores[i] += above[i, j] - above[j, i]
            scale += above[i, j]
    by_scores(scores, NEARLY * scale, M, order)


@njit(cache=True, nogil=True)
def by_scores(scores: np.ndarray, slack: float, M: int, order: np.ndarray) -> None:
    """Fill ``order`` from the highest score to the lowest; within ``slack``, in the responses' order."""
    left = np.ones(M, dtype=np.bool_)
    for place in range(M):
        chosen = -1
        for i in range(M):
            if left[i] and (chosen < 0 or scores[i] > scores[chosen] + slack):
                chosen = i
        order[place] = chosen
        left[chosen] = False


@njit(cache=True, nogil=True)
def approves(ballot: np.ndarray, i: int) -> bool:
    """Whether response i is in the better half of a ballot, as `_parts.committees.ballots.approvals` does."""
    if ballot[i] == 0:
        return False
    above, below = 0, 0
    for rank in ballot:
        above += 0 < rank < ballot[i]
        below += ballot[i] < rank
    return ballot[i] == 1 or above < below


@njit(cache=True, nogil=True)
def first_approval_order(ranks: np.ndarray, weights: np.ndarray, M: int, order: np.ndarray) -> None:
    """Fill ``order`` by the weight of the ballots that approve, equal ones in the responses' order."""
    scores, scale = np.zeros(M), 0.0
    for k in range(len(ranks)):
        scale += weights[k]
        for i in range(M):
            if approves(ranks[k], i):
                scores[i] += weights[k]
    by_scores(scores, NEARLY * scale, M, order)


@njit(cache=True, nogil=True)
def contested_pairs(ranks: np.ndarray, weights: np.ndarray, contested: np.ndarray) -> int:
    """Mark in (M, M) ``contested`` the pairs that ballots of positive weight rank both ways; count them."""
    V, M = ranks.shape
    contested[:M, :M] = False
    for k in range(V):
        if weights[k] <= 0.0:
            continue
        for i in range(M):
            if ranks[k, i] == 0:
                continue
            for j in range(M):
                contested[i, j] |= ranks[k, i] < ranks[k, j]
    count = 0
    for i in range(M):
        for j in range(i + 1, M):
            both = contested[i, j] and contested[j, i]
            contested[i, j] = both
            contested[j, i] = both
            count += both
    return count


@njit(cache=True, nogil=True)
def agreeing_pairs(ballot: np.ndarray, order: np.ndarray, decided: np.ndarray, M: int) -> int:
    """How many of the pairs marked in (M, M) ``decided`` a ballot ranks strictly as the order does."""
    agreed = 0
    for a in range(M):
        for b in range(a + 1, M):
            i, j = order[a], order[b]
            if decided[i, j] and ballot[i] > 0 and ballot[i] < ballot[j]:
                agreed += 1
    return agreed
