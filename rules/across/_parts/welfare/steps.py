"""Compiled: the annotators' gains from an order of a prompt, and the best of all orders.

An annotator's satisfaction is a sum over prompts, and on one prompt a sum over the pairs that the order
ranks as the annotator's ballots do. If the first response alone counts (the units from `WINNER` on), only
the pairs with it count. A welfare has three parts, of which the first that differs decides: the
weight of the annotators with positive satisfaction (Nash only), the weighted sum of a concave function of
satisfaction, and the weight of all ballots that agree, pair by pair.
"""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import NEARLY
from rlchf.rules.across._parts.perpetual.satisfaction import WINNER, winner_satisfaction
from rlchf.rules.across._parts.welfare.stakes import PromptStakes

Welfare = tuple[float, float, float]


@njit(cache=True, nogil=True)
def harmonic(x: float) -> float:
    """The harmonic number of a real x >= 0: the digamma function of x + 1, plus Euler's constant."""
    low = 0.0
    z = x + 1.0
    while z < 12.0:
        low += 1.0 / z
        z += 1.0
    r = 1.0 / (z * z)
    series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (5 / 660)))))
    return float(np.log(z) - 0.5 / z - series + 0.57721566490153286 - low)


@njit(cache=True, nogil=True)
def pair_gains(prompt: PromptStakes) -> np.ndarray:
    """(n, M, M) the gain of each annotator if the order puts i above j."""
    ranks, shares, slots, counted = prompt.ranks, prompt.shares, prompt.slots, prompt.counted
    V, M = ranks.shape
    gains = np.zeros((len(prompt.members), M, M))
    for k in range(V):
        for i in range(M):
            if prompt.unit >= WINNER:
                first = winner_satisfaction(prompt.unit, ranks[k], i)
                gains[slots[k], i] += shares[k] * first / (M - 1)
                continue
            for j in range(M):
                if 0 < ranks[k, i] < ranks[k, j]:
                    gains[slots[k], i, j] += shares[k] * counted[i, j]
    return gains


@njit(cache=True, nogil=True)
def fill_gains(prompt: PromptStakes, order: np.ndarray, gains: np.ndarray) -> None:
    """Fill (n,) ``gains`` with the gain of each annotator from an order."""
    ranks, shares, slots, counted = prompt.ranks, prompt.shares, prompt.slots, prompt.counted
    V, M = ranks.shape
    gains[:] = 0.0
    if prompt.unit >= WINNER:
        for k in range(V):
            gains[slots[k]] += shares[k] * winner_satisfaction(prompt.unit, ranks[k], order[0])
        return
    counts, ordered = np.empty((M, M)), np.empty(M, dtype=ranks.dtype)
    for a in range(M):
        for b in range(M):
            counts[a, b] = counted[order[a], order[b]]
    for k in range(V):
        agreed = 0.0
        for a in range(M):
            ordered[a] = ranks[k, order[a]]
        for a in range(M - 1):
            if ordered[a] > 0:
                for b in range(a + 1, M):
                    agreed += counts[a, b] * (ordered[a] < ordered[b])
        gains[slots[k]] += shares[k] * agreed


@njit(cache=True, nogil=True)
def welfare_of(
    others: np.ndarray, gains: np.ndarray, weights: np.ndarray, nash: bool
) -> tuple[float, float]:
    """The weight of the annotators with positive satisfaction (0 unless Nash), and the sum of welfare."""
    positive, value = 0.0, 0.0
    for s in range(len(gains)):
        if weights[s] > 0.0:
            x = others[s] + gains[s]
            if not nash:
                value += weights[s] * harmonic(max(x, 0.0))
            elif x > NEARLY:
                positive += weights[s]
                value += weights[s] * np.log(x)
    return positive, value


@njit(cache=True, nogil=True)
def is_better(new: Welfare, old: Welfare, weight: float, total: float) -> bool:
    """Whether a welfare is larger; ``weight`` of the annotators and ``total`` agreement set the slack."""
    if abs(new[0] - old[0]) > NEARLY * weight:
        return new[0] > old[0]
    if abs(new[1] - old[1]) > NEARLY * weight:
        return new[1] > old[1]
    return new[2] > old[2] + NEARLY * total


@njit(cache=True, nogil=True)
def raised(bar: Welfare, new: Welfare, weight: float) -> Welfare:
    """The bar that the next welfare has to beat, once ``new`` has beaten ``bar`` by `is_better`.

    A welfare that wins by its agreement alone may lie below the bar by the slack. The bar does not sink with
    it, so that many such steps cannot add up: every step raises the bar by more than the slack, or keeps it
    and raises the agreement. Both are bounded, so a search that compares with the bar ends.
    """
    if new[0] > bar[0] + NEARLY * weight:
        return new
    if new[1] > bar[1] + NEARLY * weight:
        return max(new[0], bar[0]), new[1], new[2]
    return max(new[0], bar[0]), max(new[1], bar[1]), new[2]


@njit(cache=True, nogil=True)
def next_order(order: np.ndarray, depth: int) -> int:
    """Change ``order`` to the next one, by the order of the responses, that differs at ``depth`` or before.

    Returns the first rank that changed, -1 after the last order.
    """
    M = len(order)
    order[depth + 1 :] = np.sort(order[depth + 1 :])[::-1]
    a = M - 2
    while a >= 0 and order[a] > order[a + 1]:
        a -= 1
    if a >= 0:
        b = M - 1
        while order[b] < order[a]:
            b -= 1
        order[a], order[b] = order[b], order[a]
        order[a + 1 :] = order[a + 1 :][::-1].copy()
    return a


@njit(cache=True, nogil=True)
def try_all(prompt: PromptStakes, best: Welfare, chosen: np.ndarray) -> bool:
    """Find the first order that beats the bar ``best`` and all others; return whether there is one."""
    above, unanimous = prompt.above, prompt.unanimous
    others, weights = prompt.others, prompt.weights
    pair_gain, n, M = pair_gains(prompt), len(prompt.members), len(chosen)
    order, depth, improved = np.arange(M), 0, False
    gained, agreed = np.zeros((M, n)), np.zeros(M)  # by the responses before each rank
    while depth >= 0:
        allowed = True
        for a in range(depth, M - 1):
            i = order[a]
            agreed[a + 1] = agreed[a]
            gained[a + 1] = gained[a]
            for b in range(a + 1, M):
                j = order[b]
                if unanimous[j, i]:
                    allowed = False
                agreed[a + 1] += above[i, j]
                if a == 0 or prompt.unit < WINNER:
                    for s in range(n):
                        gained[a + 1, s] += pair_gain[s, i, j]
            if not allowed:
                depth = next_order(order, a)
                break
        if not allowed:
            continue
        positive, value = welfare_of(others, gained[M - 1], weights, prompt.nash)
        new = (positive, value, agreed[M - 1])
        if is_better(new, best, prompt.weight, prompt.total):
            best, improved = raised(best, new, prompt.weight), True
            chosen[:] = order
        depth = next_order(order, M - 1)
    return improved
