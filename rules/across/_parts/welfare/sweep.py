"""Compiled: the choice of the order of one prompt after the other, given all others."""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import MOST_FOR_ORDERS, first_borda_order
from rlchf.rules.across._parts.welfare.moves import try_moves
from rlchf.rules.across._parts.welfare.stakes import Stakes, prompt_stakes
from rlchf.rules.across._parts.welfare.steps import fill_gains, try_all, welfare_of


@njit(cache=True, nogil=True)
def sweep(
    prompts: np.ndarray, stakes: Stakes, nash: bool, first: bool, orders: np.ndarray,
    satisfaction: np.ndarray,
) -> int:  # fmt: skip
    """Choose the orders of some prompts again, one after the other; return the number that changed.

    ``first`` if these prompts have no order yet; they then add nothing to ``satisfaction`` (A,).
    """
    changed, starts = 0, stakes.block.response_starts
    for p in prompts:
        prompt = prompt_stakes(stakes, p, nash, satisfaction)
        if prompt.n == 0 and not first:
            continue
        order = orders[starts[p] : starts[p + 1]]
        M, gains, others = len(order), np.zeros(len(prompt.members)), prompt.others
        best = (-np.inf, -np.inf, -np.inf)
        if first and M > MOST_FOR_ORDERS:
            first_borda_order(prompt.above, order)
        if not first or M > MOST_FOR_ORDERS:
            fill_gains(prompt, order, gains)
            if not first:
                others -= gains
            agreed = 0.0
            for a in range(M):
                for b in range(a + 1, M):
                    agreed += prompt.above[order[a], order[b]]
            positive, value = welfare_of(others, gains, prompt.weights, nash)
            best = (positive, value, agreed)
        if M <= MOST_FOR_ORDERS:
            changed += try_all(prompt, best, order)
        else:
            changed += try_moves(prompt, best, order)
        fill_gains(prompt, order, gains)
        for s in range(len(prompt.members)):
            satisfaction[prompt.members[s]] = others[s] + gains[s]
    return changed
