"""Compiled steps of soft targets: satisfaction from probabilities, and the best orders for a gradient.

A point gives every pair i < j of every prompt the probability that i is above j: (C,) numbers, those of
prompt p from ``pairs[p]`` on, in the order (0, 1), (0, 2), ..., (1, 2), ...
"""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.layout import Block, ballots_of
from rlchf.rules.across._parts.orders import (
    ALL,
    MOST_FOR_SUBSETS,
    best_by_subsets,
    count_above,
    first_borda_order,
    supporters,
)
from rlchf.rules.across._parts.perpetual.satisfaction import counted_pairs
from rlchf.rules.across._parts.welfare.stakes import Stakes


@njit(cache=True, nogil=True)
def add_satisfaction(
    prompts: np.ndarray, stakes: Stakes, pairs: np.ndarray, point: np.ndarray,
    satisfaction: np.ndarray,
) -> None:  # fmt: skip
    """Add the expected satisfactions with a point on some prompts to ``satisfaction`` (A,)."""
    for p in prompts:
        ballots = ballots_of(stakes.block, p)
        ranks, counted = ballots.ranks, counted_pairs(stakes.unit, ballots)
        V, M = ranks.shape
        counts, start = counted.pairs, stakes.block.ballot_starts[p]
        for k in range(V):
            expected, c = 0.0, pairs[p]
            for i in range(M):
                for j in range(i + 1, M):
                    if counts[i, j] > 0.0 and ranks[k, i] > 0 and ranks[k, j] > 0:
                        if ranks[k, i] < ranks[k, j]:
                            expected += counts[i, j] * point[c]
                        elif ranks[k, j] < ranks[k, i]:
                            expected += counts[i, j] * (1.0 - point[c])
                    c += 1
            share = stakes.shares[start + k]
            satisfaction[ballots.annotators[k]] += share * expected / max(counted.n, 1.0)


@njit(cache=True, nogil=True)
def fill_best_point(
    prompts: np.ndarray, stakes: Stakes, pairs: np.ndarray, values: np.ndarray,
    pair_values: np.ndarray, point: np.ndarray,
) -> None:  # fmt: skip
    """Fill ``point`` with the best order of each prompt, for a linear objective.

    The objective is the sum of satisfaction times ``values`` (A,), plus that of the probabilities of pairs
    times ``pair_values`` (C,).
    """
    for p in prompts:
        ballots = ballots_of(stakes.block, p)
        M = ballots.ranks.shape[1]
        unanimous = supporters(ballots.ranks, ballots.weights) == ALL
        margins = margins_of(stakes, p, values)
        c = pairs[p]
        for i in range(M):
            for j in range(i + 1, M):
                margins[i, j] += pair_values[c]
                margins[j, i] -= pair_values[c]
                c += 1
        order, rank = np.arange(M), np.empty(M, dtype=np.int64)
        if M <= MOST_FOR_SUBSETS:
            for i in range(M):
                for j in range(M):
                    if unanimous[j, i]:
                        margins[i, j] = -np.inf
            best_by_subsets(margins, 0.0, order)
        else:
            first_borda_order(count_above(ballots.ranks, ballots.weights), order)
            move_responses(margins, unanimous, order)
        for a in range(M):
            rank[order[a]] = a
        c = pairs[p]
        for i in range(M):
            for j in range(i + 1, M):
                point[c] = 1.0 if rank[i] < rank[j] else 0.0
                c += 1


@njit(cache=True, nogil=True)
def margins_of(stakes: Stakes, p: int, values: np.ndarray) -> np.ndarray:
    """(M, M) antisymmetric: the gain of i above j over j above i in the sum of satisfaction times value."""
    ballots = ballots_of(stakes.block, p)
    ranks, counted = ballots.ranks, counted_pairs(stakes.unit, ballots)
    V, M = ranks.shape
    counts, start = counted.pairs, stakes.block.ballot_starts[p]
    margins = np.zeros((M, M))
    for k in range(V):
        value = stakes.shares[start + k] * values[ballots.annotators[k]] / max(counted.n, 1.0)
        for i in range(M):
            for j in range(M):
                if counts[i, j] > 0.0 and 0 < ranks[k, i] < ranks[k, j]:
                    margins[i, j] += counts[i, j] * value
                    margins[j, i] -= counts[i, j] * value
    return margins


@njit(cache=True, nogil=True)
def move_responses(margins: np.ndarray, unanimous: np.ndarray, order: np.ndarray) -> None:
    """Improve ``order`` by moving one response at a time, until no move gains.

    Every move raises the sum of the margins by more than 1e-12 of its scale, which rounding does not reach.
    """
    M, improving = len(order), True
    scale = np.abs(margins).sum()
    while improving:
        improving = False
        for start in range(M):
            for step in (-1, 1):
                now, gain, best_gain, best = start, 0.0, 1e-12 * scale, start
                i = order[start]
                while 0 <= now + step < M:
                    j = order[now + step]
                    if (unanimous[i, j] and step == 1) or (unanimous[j, i] and step == -1):
                        break
                    gain -= step * margins[i, j]
                    now += step
                    if gain > best_gain:
                        best_gain, best = gain, now
                for a in range(start, best, step):
                    order[a] = order[a + step]
                if best != start:
                    order[best] = i
                    improving = True
                    break


@njit(cache=True, nogil=True)
def fill_pooled_shares(
    prompts: np.ndarray, block: Block, pairs: np.ndarray, shares: np.ndarray, point: np.ndarray
) -> None:
    """Fill (C,) ``shares`` with those of the ballots that rank i above j, among those that rank both.

    Ties, and pairs that no ballot ranks, count half. Fill ``point`` (C,) with the probabilities of a random
    ballot, with ties broken in one of two opposite orders, and unranked responses all first or all last.
    These are a mixture of orders, unlike the shares if ballots have gaps.
    """
    for p in prompts:
        ballots = ballots_of(block, p)
        ranks, weights, c = ballots.ranks, ballots.weights, pairs[p]
        V, M = ranks.shape
        total = weights.sum()
        for i in range(M):
            for j in range(i + 1, M):
                for_i, compared, ordered = 0.0, 0.0, 0.0
                for k in range(V):
                    a, b = ranks[k, i], ranks[k, j]
                    part = 0.5 if a == b else 1.0 if a < b else 0.0
                    if a > 0 and b > 0:
                        for_i += weights[k] * part
                        compared += weights[k]
                        ordered += weights[k] * part
                    else:
                        ordered += weights[k] * 0.5
                shares[c] = for_i / compared if compared > 0.0 else 0.5
                point[c] = ordered / total if total > 0.0 else 0.5
                c += 1
