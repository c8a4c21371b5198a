"""Compiled pieces of welfare over a dataset: what an order brings, and the best of all orders.

An annotator's satisfaction is a sum over prompts, and on one prompt a sum of what each pair gives that
the order puts that way: ``gives`` (n, M, M) for the n annotators of the prompt. Where the first response
alone counts (the units from `WINNER` on) only the pairs with it give anything. A welfare is first the
weight of the annotators whose satisfaction is positive (Nash alone), then the weighted sum of a concave
function of satisfaction, then the weight of all ballots that agree, pair by pair.
"""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import NEARLY
from rlchf.rules.across._parts.perpetual.loop import WINNER, worth

ENUMERATED = 6
"""The largest number of responses of which all orders are tried."""


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
def unanimous_pairs(ranks: np.ndarray, weights: np.ndarray, unanimous: np.ndarray) -> None:
    """Mark the pairs that every ballot of positive weight ranks, the first above the second."""
    V, M = ranks.shape
    some = False
    unanimous[:] = True
    for k in range(V):
        if weights[k] <= 0.0:
            continue
        some = True
        for i in range(M):
            for j in range(M):
                unanimous[i, j] &= (ranks[k, i] > 0) & (ranks[k, i] < ranks[k, j])
    if not some:
        unanimous[:] = False


@njit(cache=True, nogil=True)
def fill_gives(
    ranks: np.ndarray, shares: np.ndarray, slots: np.ndarray, decided: np.ndarray, unit: int,
    gives: np.ndarray,
) -> None:  # fmt: skip
    """Fill (n, M, M) ``gives``: what annotator s gains if the order puts i above j."""
    V, M = ranks.shape
    gives[:] = 0.0
    for k in range(V):
        for i in range(M):
            if unit >= WINNER:
                gives[slots[k], i] += shares[k] * worth(unit, ranks[k], i) / (M - 1)
                continue
            for j in range(M):
                if decided[i, j] and 0 < ranks[k, i] < ranks[k, j]:
                    gives[slots[k], i, j] += shares[k]


@njit(cache=True, nogil=True)
def gains_of(
    order: np.ndarray, ranks: np.ndarray, shares: np.ndarray, slots: np.ndarray,
    decided: np.ndarray, unit: int, gains: np.ndarray,
) -> None:  # fmt: skip
    """Fill (n,) ``gains`` with what each annotator has of an order."""
    V, M = ranks.shape
    gains[:] = 0.0
    if unit >= WINNER:
        for k in range(V):
            gains[slots[k]] += shares[k] * worth(unit, ranks[k], order[0])
        return
    counts, mine = np.empty((M, M), dtype=np.int32), np.empty(M, dtype=ranks.dtype)
    for a in range(M):
        for b in range(M):
            counts[a, b] = decided[order[a], order[b]]
    for k in range(V):
        agreed = 0
        for a in range(M):
            mine[a] = ranks[k, order[a]]
        for a in range(M - 1):
            if mine[a] > 0:
                for b in range(a + 1, M):
                    agreed += counts[a, b] * (mine[a] < mine[b])
        gains[slots[k]] += shares[k] * agreed


@njit(cache=True, nogil=True)
def welfare_of(
    others: np.ndarray, gains: np.ndarray, weights: np.ndarray, nash: bool
) -> tuple[float, float]:
    """The weight of those with positive satisfaction (0 unless Nash), and the sum of their welfare."""
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
def better(
    new: tuple[float, float, float],
    old: tuple[float, float, float],
    scale: float,
    all_weight: float,
) -> bool:
    """Whether a welfare is larger, the first of its three parts that differs being decisive."""
    if abs(new[0] - old[0]) > NEARLY * scale:
        return new[0] > old[0]
    if abs(new[1] - old[1]) > NEARLY * scale:
        return new[1] > old[1]
    return new[2] > old[2] + NEARLY * all_weight


@njit(cache=True, nogil=True)
def next_order(order: np.ndarray, depth: int) -> int:
    """Go on to the next order, by the responses' order, that differs at ``depth`` or before.

    Returns the first place that changed, -1 after the last order.
    """
    M = len(order)
    order[depth + 1 :] = np.sort(order[depth + 1 :])[::-1]
    at = M - 2
    while at >= 0 and order[at] > order[at + 1]:
        at -= 1
    if at >= 0:
        other = M - 1
        while order[other] < order[at]:
            other -= 1
        order[at], order[other] = order[other], order[at]
        order[at + 1 :] = order[at + 1 :][::-1].copy()
    return at


@njit(cache=True, nogil=True)
def try_all(
    gives: np.ndarray, others: np.ndarray, weights: np.ndarray, above: np.ndarray,
    unanimous: np.ndarray, unit: int, nash: bool, best: tuple[float, float, float], scale: float,
    all_weight: float, chosen: np.ndarray,
) -> bool:  # fmt: skip
    """Find the first order that is better than ``best`` and all others; say whether there is one."""
    n, M = gives.shape[0], gives.shape[1]
    order, at, found = np.arange(M), 0, False
    gained, agreed = np.zeros((M, n)), np.zeros(M)  # by the places before each
    while at >= 0:
        allowed = True
        for place in range(at, M - 1):
            i = order[place]
            agreed[place + 1] = agreed[place]
            gained[place + 1] = gained[place]
            for later in range(place + 1, M):
                j = order[later]
                if unanimous[j, i]:
                    allowed = False
                agreed[place + 1] += above[i, j]
                if place == 0 or unit < WINNER:
                    for s in range(n):
                        gained[place + 1, s] += gives[s, i, j]
            if not allowed:
                at = next_order(order, place)
                break
        if not allowed:
            continue
        positive, value = welfare_of(others, gained[M - 1], weights, nash)
        new = (positive, value, agreed[M - 1])
        if better(new, best, scale, all_weight):
            best, found = new, True
            chosen[:] = order
        at = next_order(order, M - 1)
    return found
