"""The compiled loop of the perpetual rules that weigh the ballots of a base rule.

Every annotator has a state, one number. On a prompt the weight of a ballot is multiplied by
``ballot_weight(state, entitlement)``; after the prompt the state becomes
``update(state, satisfaction, entitlement, price, stake)``. ``satisfaction`` is the annotator's satisfaction
with the outcome, ``entitlement`` the satisfaction to which the annotator is entitled, and ``stake`` the
largest satisfaction possible, 1 except for graded pairs. ``price`` is the cost of a satisfaction of 1 if the
annotators with a positive state pay for the weight of all ballots, times the stake, in proportion to their
weight and satisfaction.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from rlchf.rules.across._parts.layout import (
    Ballots,
    Block,
    ballots_of,
    take_frozen,
    write_order,
)
from rlchf.rules.across._parts.orders import (
    NEARLY,
    count_above,
    first_approval_order,
    first_borda_order,
    first_kemeny_order,
)
from rlchf.rules.across._parts.perpetual.satisfaction import (
    Counted,
    counted_pairs,
    entitlements,
    rows_of,
    satisfaction_with,
)

KEMENY, BORDA, APPROVAL = 0, 1, 2
COMPILED = ("kemeny", "borda", "approval")
"""The base rules that are compiled; the code of a base is its index."""

BALLOT_WEIGHT = "float64(float64, float64)"
UPDATE = "float64(float64, float64, float64, float64, float64)"


class Weighting(NamedTuple):
    """How a rule weighs ballots by one number per annotator.

    Attributes
    ----------
    start
        The initial state of every annotator.
    ballot_weight, update
        Compiled functions of the signatures `BALLOT_WEIGHT` and `UPDATE`.
    uses_entitlement
        Whether they use the entitlement; it is 0 otherwise.
    """

    start: int
    ballot_weight: Any
    update: Any
    uses_entitlement: bool = False


class People(NamedTuple):
    """The accounts of all annotators, (A,) each.

    Attributes
    ----------
    state
        The state, carried from prompt to prompt.
    entitlement, satisfaction, n_ballots, weight
        Those on the current prompt; 0 between prompts.
    """

    state: np.ndarray
    entitlement: np.ndarray
    satisfaction: np.ndarray
    n_ballots: np.ndarray
    weight: np.ndarray


@njit(cache=True, nogil=True)
def part_of(value: float, weight: float, total: float, n_ballots: float) -> float:
    """What a ballot's value adds to the mean of its annotator's ballots: by weight, if any has one."""
    return value * weight / total if total > 0 else value / n_ballots


@njit(cache=True, nogil=True)
def weigh(
    ballots: Ballots, counted: Counted, people: People, weighting: Weighting, weights: np.ndarray
) -> None:
    """Fill ``weights`` (V,) with the weighed ballots, and the entitlements of the annotators present.

    If all weights would be 0, all ballots keep their weights.
    """
    ballot_weights, who = ballots.weights, ballots.annotators
    state, entitlement, _, n_ballots, total = people
    for k, a in enumerate(who):
        n_ballots[a] += 1
        total[a] += ballot_weights[k]
    if weighting.uses_entitlement and counted.n > 0:
        entitled = entitlements(ballots, counted)
        for k, a in enumerate(who):
            entitlement[a] += part_of(entitled[k], ballot_weights[k], total[a], n_ballots[a])
    any_counts = False
    for k, a in enumerate(who):
        factor = weighting.ballot_weight(state[a], entitlement[a])
        weights[k] = ballot_weights[k] * factor
        any_counts |= factor > NEARLY and ballot_weights[k] > 0
    if not any_counts:
        weights[:] = ballot_weights


@njit(cache=True, nogil=True)
def settle(
    ballots: Ballots, counted: Counted, people: People, weighting: Weighting, order: np.ndarray
) -> None:
    """Update the state of all annotators present, and set the rest of their accounts to 0."""
    rows, weights, who = rows_of(counted.unit, ballots), ballots.weights, ballots.annotators
    state, entitlement, satisfaction, n_ballots, weight = people
    total, paid = 0.0, 0.0
    if counted.n > 0:
        for k, a in enumerate(who):
            value = satisfaction_with(counted, rows[k], order)
            satisfaction[a] += part_of(value, weights[k], weight[a], n_ballots[a])
    for k, a in enumerate(who):
        total += weights[k]
        if state[a] > NEARLY:
            paid += weights[k] * satisfaction[a]
    price = counted.stake * total / paid if paid > 0 else 0.0
    for a in who:
        if n_ballots[a] > 0:
            if counted.n > 0:
                state[a] = weighting.update(
                    state[a], satisfaction[a], entitlement[a], price, counted.stake
                )
            entitlement[a], n_ballots[a], satisfaction[a], weight[a] = 0.0, 0, 0.0, 0.0


@njit(cache=True, nogil=True)
def base_order(base: int, ballots: Ballots, weights: np.ndarray, order: np.ndarray) -> None:
    """Fill ``order`` (M,) with the ranking of one prompt by a compiled base rule."""
    ranks = ballots.ranks
    if base == KEMENY:
        first_kemeny_order(count_above(ranks, weights), order)
    elif base == BORDA:
        first_borda_order(count_above(ranks, weights), order)
    elif base == APPROVAL:
        first_approval_order(ballots.judged, weights, order)


@njit(cache=True, nogil=True)
def decide(
    block: Block, people: People, weighting: Weighting, base: int, unit: int, scores: np.ndarray
) -> None:
    """Rank prompt after prompt into ``scores`` (R,)."""
    for t in range(len(block.prompts)):
        ballots = ballots_of(block, t)
        V, M = ballots.ranks.shape
        weights, order = np.empty(V), np.empty(M, dtype=np.int64)
        counted = counted_pairs(unit, ballots)
        weigh(ballots, counted, people, weighting, weights)
        if not take_frozen(block, t, order):
            base_order(base, ballots, weights, order)
        settle(ballots, counted, people, weighting, order)
        write_order(block, t, order, scores)
