"""Compiled: moves of one response, for prompts with too many responses to try all orders.

Welfare is a concave function of satisfactions, so its slope bounds the gain of a move from above. Only
moves with a high enough bound are counted exactly; near the best order they are few.
"""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import NEARLY
from rlchf.rules.across._parts.perpetual.satisfaction import WINNER
from rlchf.rules.across._parts.welfare.stakes import PromptStakes
from rlchf.rules.across._parts.welfare.steps import Welfare, fill_gains, is_better, welfare_of


@njit(cache=True, nogil=True)
def try_moves(prompt: PromptStakes, best: Welfare, chosen: np.ndarray) -> bool:
    """Move one response at a time to a better rank until no move helps; return whether one did.

    ``best`` is the welfare of the order ``chosen``, which changes.
    """
    M, above, unanimous = len(chosen), prompt.above, prompt.unanimous
    columns = np.ascontiguousarray(prompt.ranks.T)  # (M, V)
    gains = np.zeros(len(prompt.others))
    fill_gains(prompt, chosen, gains)
    trial, kept = gains.copy(), gains.copy()
    order, up, down = chosen.copy(), np.zeros(M), np.zeros(M)
    improved, improving = False, True
    while improving:
        improving = False
        for i in range(M):
            base, start = chosen.copy(), best
            rank = int(np.nonzero(base == i)[0][0])
            if prompt.unit < WINNER:
                fill_bounds(prompt, i, gains, up, down)
            moved = False
            for step in (-1, 1):
                order[:], trial[:] = base, gains
                now, counted, agreed, bound = rank, rank, start[2], start[1]
                while 0 <= now + step < M:
                    j = order[now + step]
                    first, second = (i, j) if step == 1 else (j, i)
                    if unanimous[first, second]:
                        break
                    order[now], order[now + step] = j, i
                    agreed += above[second, first] - above[first, second]
                    if prompt.unit >= WINNER:
                        bound = np.inf if order[0] != base[0] else bound
                    else:
                        bound += down[j] if step == 1 else up[j]
                    now += step
                    higher = agreed > best[2] + NEARLY * prompt.total
                    if bound <= best[1] + (-NEARLY if higher else NEARLY) * prompt.weight:
                        continue
                    if prompt.unit >= WINNER:
                        fill_gains(prompt, order, trial)
                    while prompt.unit < WINNER and counted != now:
                        if prompt.counted[i, base[counted + step]]:
                            pass_by(prompt, columns, i, base[counted + step], step, trial)
                        counted += step
                    positive, value = welfare_of(prompt.others, trial, prompt.weights, prompt.nash)
                    new = (positive, value, agreed)
                    if is_better(new, best, prompt.weight, prompt.total):
                        best, improved, improving, moved = new, True, True, True
                        chosen[:], kept[:] = order, trial
            if moved:
                gains[:] = kept
    return improved


@njit(cache=True, nogil=True)
def pass_by(
    prompt: PromptStakes, columns: np.ndarray, i: int, j: int, step: int, gains: np.ndarray
) -> None:
    """Update ``gains`` for response i moving up past j (step -1) or down (step 1).

    ``columns`` (M, V) are the prompt's ranks, response after response.
    """
    slots, shares = prompt.slots, prompt.shares
    first, second = (columns[j], columns[i]) if step == 1 else (columns[i], columns[j])
    for k in range(len(slots)):
        if 0 < first[k] < second[k]:
            gains[slots[k]] += shares[k]
        elif 0 < second[k] < first[k]:
            gains[slots[k]] -= shares[k]


@njit(cache=True, nogil=True)
def fill_bounds(
    prompt: PromptStakes, i: int, gains: np.ndarray, up: np.ndarray, down: np.ndarray
) -> None:
    """Fill (M,) with upper bounds on the welfare that moving i past each response up and down adds.

    A bound is infinite if the move could satisfy an annotator without any satisfaction (Nash only).
    """
    ranks, counted, nash = prompt.ranks, prompt.counted, prompt.nash
    V, M = ranks.shape
    above, below = np.zeros(M), np.zeros(M)
    up[:], down[:] = 0.0, 0.0  # ballots of annotators without satisfaction that would gain
    slopes = np.zeros(len(prompt.others))
    for s in range(len(slopes)):
        x, weight = prompt.others[s] + gains[s], prompt.weights[s]
        if weight > 0.0:
            slopes[s] = -1.0 if nash and x <= NEARLY else weight * slope(x, nash)
    for k in range(V):
        value, rank = slopes[prompt.slots[k]] * prompt.shares[k], ranks[k, i]
        if value > 0.0:
            ranked = value if rank > 0 else 0.0
            for j in range(M):
                above[j] += ranked * (rank < ranks[k, j])
                below[j] += value * ((ranks[k, j] > 0) & (ranks[k, j] < rank))
        elif value < 0.0:
            for j in range(M):
                up[j] += 0 < rank < ranks[k, j]
                down[j] += 0 < ranks[k, j] < rank
    for j in range(M):
        lead = above[j] - below[j]
        up[j] = np.inf if up[j] > 0.0 and counted[i, j] else lead * counted[i, j]
        down[j] = np.inf if down[j] > 0.0 and counted[i, j] else -lead * counted[i, j]


@njit(cache=True, nogil=True)
def slope(x: float, nash: bool) -> float:
    """The derivative of log x (Nash), or of the harmonic number of x: trigamma of x + 1."""
    if nash:
        return 1.0 / x
    low, z = 0.0, max(x, 0.0) + 1.0
    while z < 12.0:
        low += 1.0 / (z * z)
        z += 1.0
    r = 1.0 / (z * z)
    return low + 1.0 / z + r * (0.5 + (1 / 6 - r * (1 / 30 - r * (1 / 42 - r / 30))) / z)
