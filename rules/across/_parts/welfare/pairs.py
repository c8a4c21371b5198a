"""Compiled: the orders of two prompts chosen again together, for small datasets."""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.perpetual.loop import decided_pairs
from rlchf.rules.across._parts.welfare import steps as steps
from rlchf.rules.across._parts.welfare.sweep import sweep


@njit(cache=True, nogil=True)
def sweep_pairs(
    prompts: np.ndarray, ballots: np.ndarray, cells: np.ndarray, responses: np.ndarray,
    ranks: np.ndarray, ballot_weights: np.ndarray, ballot_shares: np.ndarray,
    ballot_slots: np.ndarray, voters: np.ndarray, members: np.ndarray, weights: np.ndarray,
    unit: int, nash: bool, orders: np.ndarray, satisfaction: np.ndarray,
) -> int:  # fmt: skip
    """For every two prompts try all orders of one with the best of the other; say how many changed.

    Only a change that raises the welfare is made.
    """
    changed, scale = 0, weights.sum()
    nothing = np.zeros_like(satisfaction)
    positive, value = steps.welfare_of(satisfaction, nothing, weights, nash)
    best = (positive, value, 0.0)
    for p in prompts:
        V, M = ballots[p + 1] - ballots[p], responses[p + 1] - responses[p]
        mine = ranks[cells[p] : cells[p] + V * M].reshape(V, M)
        decided = np.zeros((M, M), dtype=np.bool_)
        unanimous = np.zeros((M, M), dtype=np.bool_)
        say = ballot_weights[ballots[p] : ballots[p + 1]]
        units = decided_pairs(unit, mine, say, decided)
        if units == 0:
            continue
        steps.unanimous_pairs(mine, say, unanimous)
        shares = ballot_shares[ballots[p] : ballots[p + 1]] / units
        slots = ballot_slots[ballots[p] : ballots[p + 1]]
        who = members[voters[p] : voters[p + 1]]
        gains = np.zeros(len(who))
        for other in range(len(prompts)):
            q = prompts[other : other + 1]
            if q[0] == p:
                continue
            before = satisfaction.copy()
            steps.gains_of(
                orders[responses[p] : responses[p + 1]], mine, shares, slots, decided, unit, gains
            )
            for s in range(len(who)):
                before[who[s]] -= gains[s]
            order, at = np.arange(M), 0
            while at >= 0:
                allowed = True
                for a in range(M):
                    for b in range(a + 1, M):
                        if unanimous[order[b], order[a]]:
                            allowed = False
                if allowed:
                    trial, tried = before.copy(), orders.copy()
                    steps.gains_of(order, mine, shares, slots, decided, unit, gains)
                    for s in range(len(who)):
                        trial[who[s]] += gains[s]
                    tried[responses[p] : responses[p + 1]] = order
                    sweep(
                        q, ballots, cells, responses, ranks, ballot_weights, ballot_shares,
                        ballot_slots, voters, members, weights, unit, nash, False, tried, trial,
                    )  # fmt: skip
                    positive, value = steps.welfare_of(trial, nothing, weights, nash)
                    if steps.better((positive, value, 0.0), best, scale, scale):
                        best = (positive, value, 0.0)
                        orders[:], satisfaction[:] = tried, trial
                        changed += 1
                at = steps.next_order(order, M - 1)
    return changed
