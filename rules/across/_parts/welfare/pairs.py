"""Compiled: the choice of the orders of two prompts together, for small datasets."""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.welfare.stakes import Stakes, prompt_stakes
from rlchf.rules.across._parts.welfare.steps import fill_gains, is_better, next_order, welfare_of
from rlchf.rules.across._parts.welfare.sweep import sweep


@njit(cache=True, nogil=True)
def sweep_pairs(
    prompts: np.ndarray, stakes: Stakes, nash: bool, orders: np.ndarray, satisfaction: np.ndarray
) -> int:
    """For every two prompts try all orders of one with the best of the other; count the changes.

    Only a change that raises the welfare is made.
    """
    changed, weights, starts = 0, stakes.weights, stakes.block.response_starts
    weight, zeros = weights.sum(), np.zeros_like(satisfaction)
    positive, value = welfare_of(satisfaction, zeros, weights, nash)
    best = (positive, value, 0.0)
    for p in prompts:
        prompt = prompt_stakes(stakes, p, nash, satisfaction)
        if prompt.n == 0:
            continue
        gains, responses = np.zeros(len(prompt.members)), slice(starts[p], starts[p + 1])
        for other in range(len(prompts)):
            q = prompts[other : other + 1]
            if q[0] == p:
                continue
            without = satisfaction.copy()
            fill_gains(prompt, orders[responses], gains)
            for s in range(len(gains)):
                without[prompt.members[s]] -= gains[s]
            order, depth = np.arange(starts[p + 1] - starts[p]), 0
            while depth >= 0:
                if keeps(order, prompt.unanimous):
                    trial, trial_orders = without.copy(), orders.copy()
                    fill_gains(prompt, order, gains)
                    for s in range(len(gains)):
                        trial[prompt.members[s]] += gains[s]
                    trial_orders[responses] = order
                    sweep(q, stakes, nash, False, trial_orders, trial)
                    positive, value = welfare_of(trial, zeros, weights, nash)
                    if is_better((positive, value, 0.0), best, weight, weight):
                        best = (positive, value, 0.0)
                        orders[:], satisfaction[:] = trial_orders, trial
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
