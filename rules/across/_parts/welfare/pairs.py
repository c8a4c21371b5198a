"""Compiled: the choice of the orders of two prompts together, for small datasets."""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.welfare.stakes import Stakes, prompt_stakes
from rlchf.rules.across._parts.welfare.steps import fill_gains, is_better, next_order, welfare_of
from rlchf.rules.across._parts.welfare.sweep import Position, sweep_some


def sweep_pairs(prompts: np.ndarray, stakes: Stakes, nash: bool, position: Position) -> int:
    """For every two prompts try all orders of one with the best of the other; count the changes.

    Only a change that raises the largest welfare so far is made.
    """
    return sum(sweep_pairs_with(int(p), prompts, stakes, nash, position) for p in prompts)


@njit(cache=True, nogil=True)
def sweep_pairs_with(
    p: int, prompts: np.ndarray, stakes: Stakes, nash: bool, position: Position
) -> int:
    """`sweep_pairs` for prompt p and every other one."""
    changed, weights, starts = 0, stakes.weights, stakes.block.response_starts
    orders, satisfaction, slip = position
    weight, zeros, none = weights.sum(), np.zeros_like(satisfaction), np.zeros(1)
    positive, value = welfare_of(satisfaction, zeros, weights, nash)
    best = (positive, value + slip[0], 0.0)
    prompt = prompt_stakes(stakes, p, nash, satisfaction)
    if prompt.n == 0:
        return 0
    gains, responses = np.zeros(len(prompt.members)), slice(starts[p], starts[p + 1])
    for other in range(len(prompts)):
        q = prompts[other : other + 1]
        if q[0] == p:
            continue
        # Every trial begins here, though the position may change in between.
        start, without = orders.copy(), satisfaction.copy()
        fill_gains(prompt, orders[responses], gains)
        for s in range(len(gains)):
            without[prompt.members[s]] -= gains[s]
        order, depth = np.arange(starts[p + 1] - starts[p]), 0
        while depth >= 0:
            if keeps(order, prompt.unanimous):
                trial = Position(start.copy(), without.copy(), none)
                fill_gains(prompt, order, gains)
                for s in range(len(gains)):
                    trial.satisfaction[prompt.members[s]] += gains[s]
                trial.orders[responses] = order
                none[0] = 0.0
                sweep_some(q, stakes, nash, False, trial)
                positive, value = welfare_of(trial.satisfaction, zeros, weights, nash)
                if is_better((positive, value, 0.0), best, weight, weight):
                    best = (positive, value, 0.0)
                    orders[:], satisfaction[:] = trial.orders, trial.satisfaction
                    slip[0] = 0.0
                    changed += 1
            depth = next_order(order, len(order) - 1)
    return changed


@njit(cache=True, nogil=True)
def keeps(order: np.ndarray, unanimous: np.ndarray) -> bool:
    """Whether an order keeps all unanimous pairs."""
    for a in range(len(order)):
        for b in range(a + 1, len(order)):
            if unanimous[order[b], order[a]]:
                return False
    return True
