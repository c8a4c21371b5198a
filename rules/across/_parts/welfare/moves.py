"""Compiled: moves of one response, for prompts with too many responses to try all orders.

Welfare is a concave function of satisfactions, so its slope bounds the gain of a move from above. Only
moves with a high enough bound are counted exactly; near the best order they are few.
"""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import NEARLY
from rlchf.rules.across._parts.perpetual.satisfaction import WINNER
from rlchf.rules.across._parts.welfare.stakes import PromptStakes
from rlchf.rules.across._parts.welfare.steps import (
    Welfare,
    fill_gains,
    is_better,
    raised,
    welfare_of,
)


@njit(cache=True, nogil=True)
def try_moves(prompt: PromptStakes, best: Welfare, chosen: np.ndarray) -> bool:
    """Move one response at a time to a better rank until no move helps; return whether one did.

    ``best`` is the bar that the order ``chosen``, which changes, has set; see `raised` for why this ends.
    """
    columns, gains = ranks_and_gains(prompt, chosen)
    improved, improving = False, True
    while improving:
        improving, best = move_some(prompt, columns, gains, 0, len(chosen), best, chosen)
        improved |= improving
    return improved


@njit(cache=True, nogil=True)
def ranks_and_gains(prompt: PromptStakes, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M, V) the ballots' ranks, response after response, and (n,) the annotators' gains from an order."""
    gains = np.zeros(len(prompt.others))
    fill_gains(prompt, order, gains)
    return np.ascontiguousarray(prompt.ranks.T), gains


@njit(cache=True, nogil=True)
def move_some(
    prompt: PromptStakes, columns: np.ndarray, gains: np.ndarray, first: int, end: int,
    best: Welfare, chosen: np.ndarray,
) -> tuple[bool, Welfare]:  # fmt: skip
    """Move each of the responses from ``first`` to ``end`` to its best rank, if it is better.

    ``columns`` and ``gains`` are those of `ranks_and_gains`. Returns whether ``chosen`` has changed, with
    ``gains``, and the new bar.
    """
    M, above, unanimous = len(chosen), prompt.above, prompt.unanimous
    trial, kept = gains.copy(), gains.copy()
    order, up, down = chosen.copy(), np.zeros(M), np.zeros(M)
    improved = False
    for i in range(first, end):
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
                above_i, below_i = (i, j) if step == 1 else (j, i)
                if unanimous[above_i, below_i]:
                    break
                order[now], order[now + step] = j, i
                agreed += above[below_i, above_i] - above[above_i, below_i]
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
                    if prompt.counted[i, base[counted + step]] > 0.0:
                        pass_by(prompt, columns, i, base[counted + step], step, trial)
                    counted += step
                positive, value = welfare_of(prompt.others, trial, prompt.weights, prompt.nash)
                new = (positive, value, agreed)
                if is_better(new, best, prompt.weight, prompt.total):
                    best, improved, moved = raised(best, new, prompt.weight), True, True
                    chosen[:], kept[:] = order, trial
        if moved:
            gains[:] = kept
    return improved, best


@njit(cache=True, nogil=True)
def pass_by(
    prompt: PromptStakes, columns: np.ndarray, i: int, j: int, step: int, gains: np.ndarray
) -> None:
    """Update ``gains`` for response i moving up past j (step -1) or down (step 1).

    ``columns`` (M, V) are the prompt's ranks, response after response.
    """
    slots, shares, counts = prompt.slots, prompt.shares, prompt.counted[i, j]
    first, second = (columns[j], columns[i]) if step == 1 else (columns[i], columns[j])
    for k in range(len(slots)):
        if 0 < first[k] < second[k]:
            gains[slots[k]] += shares[k] * counts
        elif 0 < second[k] < first[k]:
            gains[slots[k]] -= shares[k] * counts


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
        up[j] = np.inf if up[j] > 0.0 and counted[i, j] > 0.0 else lead * counted[i, j]
        down[j] = np.inf if down[j] > 0.0 and counted[i, j] > 0.0 else -lead * counted[i, j]


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
