"""Compiled steps of welfare over a dataset: one prompt's order chosen again, given all the others.

An annotator's satisfaction is a sum over prompts, and on one prompt a sum of what each pair gives that
the order puts that way: ``gives`` (n, M, M) for the n annotators of the prompt. Where the first response
alone counts (the units from `WINNER` on) only the pairs with it give anything. A welfare is first the
weight of the annotators whose satisfaction is positive (Nash alone), then the weighted sum of a concave
function of satisfaction, then the weight of all ballots that agree, pair by pair.
"""

import numpy as np
from numba import njit

from rlchf.rules.across._orders import NEARLY, count_above, first_borda_order
from rlchf.rules.across._perpetual_loop import WINNER, decided_pairs, worth

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
                if not 0 < ranks[k, i] < ranks[k, j]:
                    unanimous[i, j] = False
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
    for k in range(V):
        if unit >= WINNER:
            gains[slots[k]] += shares[k] * worth(unit, ranks[k], order[0])
            continue
        for a in range(M - 1):
            i = order[a]
            for b in range(a + 1, M):
                j = order[b]
                if decided[i, j] and 0 < ranks[k, i] < ranks[k, j]:
                    gains[slots[k]] += shares[k]


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


@njit(cache=True, nogil=True)
def try_moves(
    ranks: np.ndarray, shares: np.ndarray, slots: np.ndarray, decided: np.ndarray,
    others: np.ndarray, weights: np.ndarray, above: np.ndarray, unanimous: np.ndarray, unit: int,
    nash: bool, best: tuple[float, float, float], scale: float, all_weight: float,
    chosen: np.ndarray,
) -> bool:  # fmt: skip
    """Move one response at a time to a better place until no move helps; say whether one did."""
    V, M = ranks.shape
    order, gains = chosen.copy(), np.zeros(len(others))
    found, going = False, True
    while going:
        going = False
        for i in range(M):
            base = chosen.copy()
            place = int(np.nonzero(base == i)[0][0])
            for step in (-1, 1):
                order[:] = base
                gains_of(order, ranks, shares, slots, decided, unit, gains)
                at, agreed = place, 0.0
                for a in range(M):
                    for b in range(a + 1, M):
                        agreed += above[order[a], order[b]]
                while 0 <= at + step < M:
                    j = order[at + step]
                    first, second = (i, j) if step == 1 else (j, i)
                    if unanimous[first, second]:
                        break
                    order[at], order[at + step] = j, i
                    agreed += above[second, first] - above[first, second]
                    if unit >= WINNER:
                        if min(at, at + step) == 0:
                            gains_of(order, ranks, shares, slots, decided, unit, gains)
                    elif decided[i, j]:
                        for k in range(V):
                            if 0 < ranks[k, first] < ranks[k, second]:
                                gains[slots[k]] -= shares[k]
                            elif 0 < ranks[k, second] < ranks[k, first]:
                                gains[slots[k]] += shares[k]
                    at += step
                    positive, value = welfare_of(others, gains, weights, nash)
                    new = (positive, value, agreed)
                    if better(new, best, scale, all_weight):
                        best, found, going = new, True, True
                        chosen[:] = order
    return found


@njit(cache=True, nogil=True)
def sweep(
    prompts: np.ndarray, ballots: np.ndarray, cells: np.ndarray, responses: np.ndarray,
    ranks: np.ndarray, ballot_weights: np.ndarray, ballot_shares: np.ndarray,
    ballot_slots: np.ndarray, voters: np.ndarray, members: np.ndarray, weights: np.ndarray,
    unit: int, nash: bool, first: bool, orders: np.ndarray, satisfaction: np.ndarray,
) -> int:  # fmt: skip
    """Choose the orders of some prompts again, one after the other; say how many changed.

    ``first`` when these prompts have no order yet: they then add nothing to ``satisfaction`` (A,).
    """
    changed = 0
    for p in prompts:
        at = slice(ballots[p], ballots[p + 1])
        V, M = ballots[p + 1] - ballots[p], responses[p + 1] - responses[p]
        mine = ranks[cells[p] : cells[p] + V * M].reshape(V, M)
        above, decided = np.zeros((M, M)), np.zeros((M, M), dtype=np.bool_)
        unanimous = np.zeros((M, M), dtype=np.bool_)
        count_above(mine, ballot_weights[at], above)
        units = decided_pairs(unit, mine, ballot_weights[at], decided)
        unanimous_pairs(mine, ballot_weights[at], unanimous)
        order = orders[responses[p] : responses[p + 1]]
        shares, slots = ballot_shares[at] / max(units, 1), ballot_slots[at]
        if units == 0:
            if not first:
                continue
            shares[:] = 0.0
        who = members[voters[p] : voters[p + 1]]
        say, others, gains = weights[who], satisfaction[who], np.zeros(len(who))
        scale, all_weight = say.sum(), above.sum()
        best = (-np.inf, -np.inf, -np.inf)
        if first and M > ENUMERATED:
            first_borda_order(above, M, order)
        if not first or M > ENUMERATED:
            gains_of(order, mine, shares, slots, decided, unit, gains)
            if not first:
                others -= gains
            agreed = 0.0
            for a in range(M):
                for b in range(a + 1, M):
                    agreed += above[order[a], order[b]]
            positive, value = welfare_of(others, gains, say, nash)
            best = (positive, value, agreed)
        if M <= ENUMERATED:
            gives = np.zeros((len(who), M, M))
            fill_gives(mine, shares, slots, decided, unit, gives)
            found = try_all(
                gives, others, say, above, unanimous, unit, nash, best, scale, all_weight, order
            )
        else:
            found = try_moves(
                mine, shares, slots, decided, others, say, above, unanimous, unit, nash, best,
                scale, all_weight, order,
            )  # fmt: skip
        changed += found
        gains_of(order, mine, shares, slots, decided, unit, gains)
        for s in range(len(who)):
            satisfaction[who[s]] = others[s] + gains[s]
    return changed
