"""Compiled: one response moved at a time, for prompts with too many responses to try all orders.

Welfare is a concave function of satisfactions, so its slope bounds from above what a move can bring.
Only moves whose bound is high enough are counted exactly; at an order that is nearly the best they are few.
"""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import NEARLY
from rlchf.rules.across._parts.perpetual.loop import WINNER
from rlchf.rules.across._parts.welfare.steps import better, gains_of, welfare_of


@njit(cache=True, nogil=True)
def try_moves(
    ranks: np.ndarray, shares: np.ndarray, slots: np.ndarray, decided: np.ndarray,
    others: np.ndarray, weights: np.ndarray, above: np.ndarray, unanimous: np.ndarray, unit: int,
    nash: bool, best: tuple[float, float, float], scale: float, all_weight: float,
    chosen: np.ndarray,
) -> bool:  # fmt: skip
    """Move one response at a time to a better place until no move helps; say whether one did.

    ``best`` is the welfare of the order ``chosen``, which changes.
    """
    M = len(chosen)
    columns = np.ascontiguousarray(ranks.T)  # (M, V)
    gains = np.zeros(len(others))
    gains_of(chosen, ranks, shares, slots, decided, unit, gains)
    trial, kept = gains.copy(), gains.copy()
    order, up, down = chosen.copy(), np.zeros(M), np.zeros(M)
    found, going = False, True
    while going:
        going = False
        for i in range(M):
            base, start = chosen.copy(), best
            place = int(np.nonzero(base == i)[0][0])
            if unit < WINNER:
                bounds_of(i, ranks, shares, slots, decided, others, gains, weights, nash, up, down)
            moved = False
            for step in (-1, 1):
                order[:], trial[:] = base, gains
                at, counted, agreed, bound = place, place, start[2], start[1]
                while 0 <= at + step < M:
                    j = order[at + step]
                    first, second = (i, j) if step == 1 else (j, i)
                    if unanimous[first, second]:
                        break
                    order[at], order[at + step] = j, i
                    agreed += above[second, first] - above[first, second]
                    if unit >= WINNER:
                        bound = np.inf if order[0] != base[0] else bound
                    else:
                        bound += down[j] if step == 1 else up[j]
                    at += step
                    higher = agreed > best[2] + NEARLY * all_weight
                    if bound <= best[1] + (-NEARLY if higher else NEARLY) * scale:
                        continue
                    if unit >= WINNER:
                        gains_of(order, ranks, shares, slots, decided, unit, trial)
                    while unit < WINNER and counted != at:
                        if decided[i, base[counted + step]]:
                            pass_by(columns, shares, slots, i, base[counted + step], step, trial)
                        counted += step
                    positive, value = welfare_of(others, trial, weights, nash)
                    new = (positive, value, agreed)
                    if better(new, best, scale, all_weight):
                        best, found, going, moved = new, True, True, True
                        chosen[:], kept[:] = order, trial
            if moved:
                gains[:] = kept
    return found


@njit(cache=True, nogil=True)
def pass_by(
    columns: np.ndarray, shares: np.ndarray, slots: np.ndarray, i: int, j: int, step: int,
    gains: np.ndarray,
) -> None:  # fmt: skip
    """Change ``gains`` by what i brings as it goes up past j (step -1) or down (step 1)."""
    first, second = (columns[j], columns[i]) if step == 1 else (columns[i], columns[j])
    for k in range(len(slots)):
        if 0 < first[k] < second[k]:
            gains[slots[k]] += shares[k]
        elif 0 < second[k] < first[k]:
            gains[slots[k]] -= shares[k]


@njit(cache=True, nogil=True)
def bounds_of(
    i: int, ranks: np.ndarray, shares: np.ndarray, slots: np.ndarray, decided: np.ndarray,
    others: np.ndarray, gains: np.ndarray, weights: np.ndarray, nash: bool, up: np.ndarray,
    down: np.ndarray,
) -> None:  # fmt: skip
    """Fill (M,) with the most that passing each response upwards and downwards can add to welfare.

    That is infinite where it could satisfy somebody who has nothing and counts for that alone.
    """
    V, M = ranks.shape
    above, below = np.zeros(M), np.zeros(M)
    up[:], down[:] = 0.0, 0.0  # weight of those who have nothing and would gain
    slopes = np.zeros(len(others))
    for s in range(len(others)):
        x = others[s] + gains[s]
        if weights[s] > 0.0:
            slopes[s] = -1.0 if nash and x <= NEARLY else weights[s] * slope(x, nash)
    for k in range(V):
        mine, rank = slopes[slots[k]] * shares[k], ranks[k, i]
        if mine > 0.0:
            here = mine if rank > 0 else 0.0
            for j in range(M):
                above[j] += here * (rank < ranks[k, j])
                below[j] += mine * ((ranks[k, j] > 0) & (ranks[k, j] < rank))
        elif mine < 0.0:
            for j in range(M):
                up[j] += 0 < rank < ranks[k, j]
                down[j] += 0 < ranks[k, j] < rank
    for j in range(M):
        up[j] = np.inf if up[j] > 0.0 and decided[i, j] else (above[j] - below[j]) * decided[i, j]
        down[j] = (
            np.inf if down[j] > 0.0 and decided[i, j] else (below[j] - above[j]) * decided[i, j]
        )


@njit(cache=True, nogil=True)
def slope(x: float, nash: bool) -> float:
    """The derivative of log x; otherwise that of the harmonic number: trigamma of x + 1."""
    if nash:
        return 1.0 / x
    low, z = 0.0, max(x, 0.0) + 1.0
    while z < 12.0:
        low += 1.0 / (z * z)
        z += 1.0
    r = 1.0 / (z * z)
    return low + 1.0 / z + r * (0.5 + (1 / 6 - r * (1 / 30 - r * (1 / 42 - r / 30))) / z)
