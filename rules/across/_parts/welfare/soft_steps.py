"""Compiled steps of soft targets: satisfaction from probabilities, and the best orders for a gradient.

A point gives every pair i < j of every prompt the probability that i is above j: (C,) numbers, those of
prompt p from ``pairs[p]`` on, in the order (0, 1), (0, 2), ..., (1, 2), ...
"""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import MOST, count_above, first_borda_order
from rlchf.rules.across._parts.perpetual.loop import decided_pairs
from rlchf.rules.across._parts.welfare.steps import unanimous_pairs


@njit(cache=True, nogil=True)
def satisfied(
    prompts: np.ndarray, ballots: np.ndarray, cells: np.ndarray, responses: np.ndarray,
    ranks: np.ndarray, weights: np.ndarray, shares: np.ndarray, annotators: np.ndarray,
    unit: int, pairs: np.ndarray, point: np.ndarray, satisfaction: np.ndarray,
) -> None:  # fmt: skip
    """Add what a point gives everybody on some prompts to ``satisfaction`` (A,)."""
    for p in prompts:
        V, M = ballots[p + 1] - ballots[p], responses[p + 1] - responses[p]
        mine = ranks[cells[p] : cells[p] + V * M].reshape(V, M)
        decided = np.zeros((M, M), dtype=np.bool_)
        units = decided_pairs(unit, mine, weights[ballots[p] : ballots[p + 1]], decided)
        for k in range(V):
            n, got = ballots[p] + k, 0.0
            at = pairs[p]
            for i in range(M):
                for j in range(i + 1, M):
                    if decided[i, j] and mine[k, i] > 0 and mine[k, j] > 0:
                        if mine[k, i] < mine[k, j]:
                            got += point[at]
                        elif mine[k, j] < mine[k, i]:
                            got += 1.0 - point[at]
                    at += 1
            satisfaction[annotators[n]] += shares[n] * got / max(units, 1)


@njit(cache=True, nogil=True)
def best_order(lead: np.ndarray, unanimous: np.ndarray, order: np.ndarray) -> None:
    """Fill ``order`` with one of those that gain most, of (M, M) antisymmetric ``lead``, M at most `MOST`.

    None puts a response above one that is unanimously above it.
    """
    M = len(order)
    best = np.zeros(1 << M)
    last = np.zeros(1 << M, dtype=np.int64)
    for subset in range(1, 1 << M):
        best[subset] = -np.inf
        for i in range(M):
            if not subset >> i & 1:
                continue
            gain = best[subset ^ (1 << i)]
            for j in range(M):
                if subset >> j & 1:
                    if unanimous[j, i]:
                        gain = -np.inf
                    gain += lead[i, j]
            if gain > best[subset]:
                best[subset], last[subset] = gain, i
    left = (1 << M) - 1
    for place in range(M):
        order[place] = last[left]
        left ^= 1 << last[left]


@njit(cache=True, nogil=True)
def moved_order(lead: np.ndarray, unanimous: np.ndarray, order: np.ndarray) -> None:
    """Improve ``order`` by moving one response at a time, until no move gains."""
    M, going = len(order), True
    scale = np.abs(lead).sum()
    while going:
        going = False
        for start in range(M):
            for step in (-1, 1):
                at, gain, top, where = start, 0.0, 1e-12 * scale, start
                i = order[start]
                while 0 <= at + step < M:
                    j = order[at + step]
                    if (unanimous[i, j] and step == 1) or (unanimous[j, i] and step == -1):
                        break
                    gain -= step * lead[i, j]
                    at += step
                    if gain > top:
                        top, where = gain, at
                for at in range(start, where, step):
                    order[at] = order[at + step]
                if where != start:
                    order[where] = i
                    going = True
                    break


@njit(cache=True, nogil=True)
def best_point(
    prompts: np.ndarray, ballots: np.ndarray, cells: np.ndarray, responses: np.ndarray,
    ranks: np.ndarray, weights: np.ndarray, shares: np.ndarray, annotators: np.ndarray,
    unit: int, pairs: np.ndarray, worth: np.ndarray, towards: np.ndarray, point: np.ndarray,
) -> None:  # fmt: skip
    """Fill ``point`` with the best order of each prompt, if satisfaction is worth ``worth`` (A,).

    ``towards`` (C,) is what the probability of a pair is worth besides.
    """
    for p in prompts:
        V, M = ballots[p + 1] - ballots[p], responses[p + 1] - responses[p]
        mine, say = (
            ranks[cells[p] : cells[p] + V * M].reshape(V, M),
            weights[ballots[p] : ballots[p + 1]],
        )
        decided, unanimous = (
            np.zeros((M, M), dtype=np.bool_),
            np.zeros((M, M), dtype=np.bool_),
        )
        units = decided_pairs(unit, mine, say, decided)
        unanimous_pairs(mine, say, unanimous)
        lead = np.zeros((M, M))
        for k in range(V):
            n = ballots[p] + k
            value = shares[n] * worth[annotators[n]] / max(units, 1)
            for i in range(M):
                for j in range(M):
                    if decided[i, j] and 0 < mine[k, i] < mine[k, j]:
                        lead[i, j] += value
                        lead[j, i] -= value
        at = pairs[p]
        for i in range(M):
            for j in range(i + 1, M):
                lead[i, j] += towards[at]
                lead[j, i] -= towards[at]
                at += 1
        order, place = np.arange(M), np.empty(M, dtype=np.int64)
        if M <= MOST:
            best_order(lead, unanimous, order)
        else:
            above = np.zeros((M, M))
            count_above(mine, say, above)
            first_borda_order(above, M, order)
            moved_order(lead, unanimous, order)
        for a in range(M):
            place[order[a]] = a
        at = pairs[p]
        for i in range(M):
            for j in range(i + 1, M):
                point[at] = 1.0 if place[i] < place[j] else 0.0
                at += 1


@njit(cache=True, nogil=True)
def pooled_shares(
    prompts: np.ndarray, ballots: np.ndarray, cells: np.ndarray, responses: np.ndarray,
    ranks: np.ndarray, weights: np.ndarray, pairs: np.ndarray, shares: np.ndarray,
    point: np.ndarray,
) -> None:  # fmt: skip
    """Fill ``shares`` with the ballots' own, ties and pairs that nobody compares half.

    And ``point`` with those of a random ballot, its ties drawn in one of two opposite orders and what it
    does not name put together first or last: a mixture of orders, unlike the shares where ballots have
    gaps.
    """
    for p in prompts:
        V, M = ballots[p + 1] - ballots[p], responses[p + 1] - responses[p]
        mine = ranks[cells[p] : cells[p] + V * M].reshape(V, M)
        say, at = weights[ballots[p] : ballots[p + 1]], pairs[p]
        total = say.sum()
        for i in range(M):
            for j in range(i + 1, M):
                for_i, compared, ordered = 0.0, 0.0, 0.0
                for k in range(V):
                    one, other = mine[k, i], mine[k, j]
                    part = 0.5 if one == other else 1.0 if one < other else 0.0
                    if one > 0 and other > 0:
                        for_i += say[k] * part
                        compared += say[k]
                        ordered += say[k] * part
                    else:
                        ordered += say[k] * 0.5
                shares[at] = for_i / compared if compared > 0.0 else 0.5
                point[at] = ordered / total if total > 0.0 else 0.5
                at += 1
