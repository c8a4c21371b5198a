"""The compiled loop of the perpetual rules that give ballots more or less say in a base rule.

Everybody has a state, one number. On a prompt a ballot counts its weight times ``say(state, due)``, and
afterwards the state is ``after(state, got, due, price)``; here ``got`` is the annotator's satisfaction
with the outcome, ``due`` the satisfaction that the annotator deserved, and ``price`` what a satisfaction
of 1 costs if those who have a positive state pay for the weight of all ballots in proportion to
their weight and satisfaction.
"""

from typing import Any

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import (
    NEARLY,
    approves,
    contested_pairs,
    count_above,
    first_approval_order,
    first_borda_order,
    first_kemeny_order,
)

CONTESTED_PAIR, PAIR, WINNER, APPROVAL = 0, 1, 2, 3
KEMENY, BORDA, APPROVALS = 0, 1, 2
NASH, EQUALITY, PHRAGMEN = 0, 1, 2
SAY = "float64(float64, float64)"
AFTER = "float64(float64, float64, float64, float64)"


@njit(cache=True, nogil=True)
def decided_pairs(unit: int, ranks: np.ndarray, weights: np.ndarray, decided: np.ndarray) -> int:
    """Mark in (M, M) ``decided`` the pairs that count, and count them; 1 if responses count instead."""
    M = ranks.shape[1]
    if unit == CONTESTED_PAIR:
        return int(contested_pairs(ranks, weights, decided))
    decided[:] = True
    return M * (M - 1) // 2 if unit == PAIR else 1


@njit(cache=True, nogil=True)
def worth(unit: int, ballot: np.ndarray, i: int) -> float:
    """What a ballot gets from response i in first place."""
    if unit == APPROVAL:
        return 1.0 if approves(ballot, i) else 0.0
    if ballot[i] == 0:
        return 0.0
    above = 0
    for rank in ballot:
        above += 0 < rank < ballot[i]
    return 1.0 - above / (len(ballot) - 1)


@njit(cache=True, nogil=True)
def satisfaction(
    unit: int, ballot: np.ndarray, order: np.ndarray, decided: np.ndarray, n: int
) -> float:
    """What a ballot gets from an order; ``n`` as `decided_pairs` gives it."""
    if unit in (WINNER, APPROVAL):
        return float(worth(unit, ballot, order[0]))
    agreed, M = 0, len(ballot)
    for a in range(M):
        i = order[a]
        if ballot[i] > 0:
            for b in range(a + 1, M):
                j = order[b]
                if decided[i, j] and ballot[i] < ballot[j]:
                    agreed += 1
    return agreed / n


@njit(cache=True, nogil=True)
def deserved(
    unit: int, ranks: np.ndarray, weights: np.ndarray, decided: np.ndarray, n: int
) -> np.ndarray:
    """(V,) how much support each ballot has.

    For pairs it is the share of the ballots with an opinion that are on the ballot's side, on average
    over the pairs; else the most that any response's mean worth and its worth to the ballot multiply to.
    """
    V, M = ranks.shape
    found = np.zeros(V)
    if unit in (WINNER, APPROVAL):
        mean, total = np.zeros(M), max(weights.sum(), 1e-300)
        for k in range(V):
            for i in range(M):
                mean[i] += weights[k] / total * worth(unit, ranks[k], i)
        for k in range(V):
            for i in range(M):
                found[k] = max(found[k], worth(unit, ranks[k], i) * mean[i])
        return found
    above = np.empty((M, M))
    count_above(ranks, weights, above)
    for k in range(V):
        for i in range(M):
            for j in range(M):
                if decided[i, j] and 0 < ranks[k, i] < ranks[k, j] and above[i, j] > 0:
                    found[k] += above[i, j] / (above[i, j] + above[j, i]) / n
    return found


@njit(cache=True, nogil=True)
def weigh(
    unit: int, ranks: np.ndarray, weights: np.ndarray, who: np.ndarray, state: np.ndarray,
    due: np.ndarray, met: np.ndarray, say: Any, with_due: bool,
    decided: np.ndarray, says: np.ndarray,
) -> int:  # fmt: skip
    """Fill ``says`` (V,); count the ballots of each annotator in ``met`` (A,); find what is decided."""
    V = len(weights)
    n = decided_pairs(unit, ranks, weights, decided)
    for k in range(V):
        met[who[k]] += 1
    if with_due and n > 0:
        found = deserved(unit, ranks, weights, decided, n)
        for k in range(V):
            due[who[k]] += found[k] / met[who[k]]
    heard = False
    for k in range(V):
        factor = say(state[who[k]], due[who[k]])
        says[k] = weights[k] * factor
        heard |= factor > NEARLY and weights[k] > 0
    if not heard:
        says[:V] = weights
    return int(n)


@njit(cache=True, nogil=True)
def settle(
    unit: int, ranks: np.ndarray, weights: np.ndarray, who: np.ndarray, state: np.ndarray,
    due: np.ndarray, met: np.ndarray, got: np.ndarray, after: Any,
    decided: np.ndarray, n: int, order: np.ndarray,
) -> None:  # fmt: skip
    """Give everybody present the next state; leave ``due``, ``met`` and ``got`` (A,) at 0."""
    V, total, taken = len(weights), 0.0, 0.0
    for k in range(V):
        if n > 0:
            got[who[k]] += satisfaction(unit, ranks[k], order, decided, n) / met[who[k]]
    for k in range(V):
        total += weights[k]
        if state[who[k]] > NEARLY:
            taken += weights[k] * got[who[k]]
    price = total / taken if taken > 0 else 0.0
    for k in range(V):
        a = who[k]
        if met[a] > 0:
            if n > 0:
                state[a] = after(state[a], got[a], due[a], price)
            due[a], met[a], got[a] = 0.0, 0, 0.0


@njit(cache=True, nogil=True)
def base_order(base: int, ranks: np.ndarray, says: np.ndarray, order: np.ndarray) -> None:
    """Fill ``order`` (M,) with what a compiled base rule makes of one prompt."""
    M = ranks.shape[1]
    if base == APPROVALS:
        first_approval_order(ranks, says, M, order)
        return
    above = np.empty((M, M))
    count_above(ranks, says, above)
    if base == KEMENY:
        first_kemeny_order(above, M, order)
    else:
        first_borda_order(above, M, order)


@njit(cache=True, nogil=True)
def decide(
    prompts: np.ndarray, sizes: np.ndarray, ballots: np.ndarray, cells: np.ndarray,
    ranks: np.ndarray, weights: np.ndarray, annotators: np.ndarray, responses: np.ndarray,
    state: np.ndarray, due: np.ndarray, met: np.ndarray, got: np.ndarray,
    base: int, unit: int, say: Any, after: Any, with_due: bool, scores: np.ndarray,
) -> None:  # fmt: skip
    """Rank prompt after prompt into ``scores`` (R,)."""
    for t, p in enumerate(prompts):
        M, start, end = sizes[p], ballots[p], ballots[p + 1]
        V = end - start
        here = ranks[cells[t] : cells[t] + V * M].reshape((V, M))
        w, who = weights[start:end], annotators[start:end]
        decided = np.empty((M, M), dtype=np.bool_)
        says, order = np.empty(V), np.empty(M, dtype=np.int64)
        n = weigh(unit, here, w, who, state, due, met, say, with_due, decided, says)
        base_order(base, here, says, order)
        settle(unit, here, w, who, state, due, met, got, after, decided, n, order)
        for place in range(M):
            scores[responses[p] + order[place]] = M - 1 - place
