"""Compiled: the orders of prompts chosen again, one prompt after the other, given all the others."""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import count_above, first_borda_order
from rlchf.rules.across._parts.perpetual.loop import decided_pairs
from rlchf.rules.across._parts.welfare.moves import try_moves
from rlchf.rules.across._parts.welfare.steps import (
    ENUMERATED,
    fill_gives,
    gains_of,
    try_all,
    unanimous_pairs,
    welfare_of,
)


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
