"""The perpetual rules that choose among whole orders by all annotators' states afterwards."""

import numpy as np
from numba import njit

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules.across._parts.layout import (
    Ballots,
    Block,
    Order,
    as_aggregation,
    ballots_of,
    lay_out,
    take_frozen,
    write_order,
)
from rlchf.rules.across._parts.orders import ALL, count_above, supporters
from rlchf.rules.across._parts.pages import page_with
from rlchf.rules.across._parts.perpetual.aims import (
    NO_LOAD,
    PHRAGMEN,
    Voters,
    compare,
    fill_key,
    new_load,
    voters_of,
)
from rlchf.rules.across._parts.perpetual.loop import part_of
from rlchf.rules.across._parts.perpetual.orders_exact import decide_orders_exactly
from rlchf.rules.across._parts.perpetual.satisfaction import (
    APPROVAL,
    WINNER,
    Counted,
    counted_pairs,
    rows_of,
    winner_satisfaction,
)
from rlchf.rules.across._parts.perpetual.search import (
    AllOrders,
    Pairs,
    all_orders,
    best_order,
    fill_satisfaction,
)
from rlchf.rules.across._parts.perpetual.weighting import Unit, unit_code

orders_page = page_with(
    """
    A pair of responses is contested if one ballot ranks it one way and another ballot the other way. It
    counts g = min(1, (10 s)^2), with s its smaller side's share of the weight of all ballots: in full where
    a tenth dissents, and 0.04 where one annotator of 50 does. By default an annotator's satisfaction with
    an outcome is the share of these pairs, weighed by g, that the outcome orders as the annotator's ballot
    does, times the largest g on the prompt, its stake.

    Unanimous pairs, those that all ballots rank the same way, are kept. Of orders that serve the aim
    equally well, the one that agrees most with all ballots is chosen, then the first by the order of the
    responses. Up to 6 responses all orders are compared. Beyond, the search begins at Borda's order and
    moves one response at a time as long as this helps; if M^3 times the number of annotators exceeds 5e8
    (100 responses and 500 annotators), Borda's order is the result. A prompt without contested pairs does
    not change any totals, unless another ``unit`` counts. A prompt on which an annotator is absent does not
    change the annotator's total. Several ballots of one annotator on a prompt get the mean of their
    satisfactions, by their weights.

    With "approval" for ``unit`` the winners are those of Lackner's rule, in which satisfaction is 0 or 1,
    and ties are broken by the order of the responses alone.

    Parameters
    ----------
    unit
        What counts as satisfaction, from 0 to 1 on each prompt. "graded_pair": as above. "contested_pair" and
        "pair": the share of the contested pairs, or of all pairs, that the outcome orders as the ballot does,
        each of which counts 1. "winner": how high
        the ballot ranks the first response, 1 for first and 0 for last or unranked. "approval": 1 if the
        ballot has the first response in its better half (as `approval` reads it), else 0. With the last
        two the best first response is chosen first, then the best of the others, and so on.
    exact
        Compute in fractions, without rounding: for prompts of up to 6 responses (any number with "winner"
        or "approval"), at about 200 prompts a second; for `perpetual_nash` the weights on a prompt may add
        up to at most 10,000 times their greatest common divisor. Otherwise differences below 1e-9 of the
        sums compared are ties.
    order, seed
        Decide the prompts in the order of the input ("input"), or "shuffled" with a seed.
    frozen
        An earlier output of the rule: its rankings stay as they are, and the totals that they lead to are
        carried on to the other prompts.

    Returns
    -------
    Aggregation, with scores M - 1 (first) to 0 (last): strict orders.
    """
)
"""Adds to a rule's docstring what all rules of the family share."""


def perpetual_orders(
    rankings: Rankings, name: str, aim: int,
    unit: Unit, exact: bool, order: Order, seed: int, frozen: Aggregation | None,
) -> Aggregation:  # fmt: skip
    """Rank prompt after prompt by the order that serves the aim best."""
    code, layout = unit_code(unit), lay_out(rankings, order, seed, frozen)
    scores = np.empty(len(rankings.response_ids))
    if exact:
        decide_orders_exactly(layout, aim, code, scores)
    else:
        state, slots = layout.account(), np.full(layout.n_annotators, -1)
        orders = all_orders()
        for block in layout.blocks():
            decide_orders(block, state, slots, aim, code, orders, scores)
    return as_aggregation(rankings, scores, name, unit=unit, exact=exact, order=order, seed=seed)


@njit(cache=True, nogil=True)
def decide_orders(
    block: Block, state: np.ndarray, slots: np.ndarray, aim: int, unit: int, orders: AllOrders,
    scores: np.ndarray,
) -> None:  # fmt: skip
    """Rank prompt after prompt into ``scores`` (R,), and update ``state`` (A,).

    ``slots`` (A,) is -1 between prompts; on a prompt it numbers the annotators who are present.
    """
    for t in range(len(block.prompts)):
        ballots = ballots_of(block, t)
        M = ballots.ranks.shape[1]
        counted = counted_pairs(unit, ballots)
        unanimous = supporters(ballots.ranks, ballots.weights) == ALL
        present, n_ballots, weights = number_annotators(ballots, slots)
        voters = voters_of(aim, state[present], weights, counted.stake * ballots.weights.sum())
        satisfaction, best = np.zeros(len(present)), np.empty(M, dtype=np.int64)
        is_frozen = take_frozen(block, t, best)
        if unit in (WINNER, APPROVAL):
            values, rows = np.zeros((len(present), M)), rows_of(unit, ballots)
            for k in range(len(ballots.weights)):
                s = slots[ballots.annotators[k]]
                for i in range(M):
                    value = winner_satisfaction(unit, rows[k], i)
                    values[s, i] += part_of(value, ballots.weights[k], weights[s], n_ballots[s])
            if not is_frozen:
                order_by_first(voters, values, unanimous, best)
            satisfaction[:] = values[:, best[0]]
        else:
            pairs = pairs_of(ballots, counted, slots, n_ballots, weights, unanimous)
            if not is_frozen:
                best_order(voters, pairs, orders, best)
            if pairs.n > 0:
                fill_satisfaction(best, pairs, satisfaction)
        load = new_load(voters, satisfaction) if aim == PHRAGMEN else 0.0
        for s in range(len(present)):
            slots[present[s]] = -1
            if aim == PHRAGMEN:
                if load < NO_LOAD:
                    state[present[s]] += satisfaction[s] * max(load - voters.state[s], 0.0)
            else:
                state[present[s]] += satisfaction[s]
        write_order(block, t, best, scores)


@njit(cache=True, nogil=True)
def number_annotators(
    ballots: Ballots, slots: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(P,) the annotators present, and the number and the weight of the ballots of each."""
    who, V = ballots.annotators, len(ballots.weights)
    present, P = np.empty(V, dtype=np.int64), 0
    n_ballots, weights = np.zeros(V), np.zeros(V)
    for k in range(V):
        if slots[who[k]] < 0:
            slots[who[k]] = P
            present[P] = who[k]
            P += 1
        n_ballots[slots[who[k]]] += 1
        weights[slots[who[k]]] += ballots.weights[k]
    return present[:P], n_ballots[:P], weights[:P]


@njit(cache=True, nogil=True)
def pairs_of(
    ballots: Ballots, counted: Counted, slots: np.ndarray, n_ballots: np.ndarray,
    weights: np.ndarray, unanimous: np.ndarray,
) -> Pairs:  # fmt: skip
    """Add up the ballots that rank each pair one way or the other."""
    ranks, M, pairs = ballots.ranks, ballots.ranks.shape[1], counted.pairs
    agreeing = np.zeros((M, M, len(n_ballots)))
    for k in range(len(ballots.weights)):
        s = slots[ballots.annotators[k]]
        part = part_of(1.0, ballots.weights[k], weights[s], n_ballots[s])
        for i in range(M):
            for j in range(M):
                if 0 < ranks[k, i] < ranks[k, j]:
                    agreeing[i, j, s] += pairs[i, j] * part
    above = count_above(ranks, ballots.weights)
    return Pairs(agreeing, counted.n, above, unanimous, ballots.weights.sum())


@njit(cache=True, nogil=True)
def order_by_first(
    voters: Voters, values: np.ndarray, unanimous: np.ndarray, order: np.ndarray
) -> None:
    """Fill ``order`` (M,): first the response that serves the aim best, then the best of the others...

    ``values`` (P, M) are the satisfactions with each response in first place.
    """
    M = len(order)
    keys = np.zeros((M, 2, len(voters.state)))
    for i in range(M):
        fill_key(voters, values[:, i].copy(), keys[i])
    unplaced = np.ones(M, dtype=np.bool_)
    for rank in range(M):
        chosen = -1
        for i in range(M):
            beaten = not unplaced[i]
            for j in range(M):
                beaten |= unplaced[j] and unanimous[j, i]
            if not beaten and (chosen < 0 or compare(voters, keys[i], keys[chosen]) > 0):
                chosen = i
        order[rank] = chosen
        unplaced[chosen] = False
