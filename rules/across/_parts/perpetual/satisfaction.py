"""Compiled: the satisfaction of a ballot with the outcome of a prompt, in the units of the rules."""

from typing import NamedTuple

import numpy as np
from numba import njit

from rlchf.rules.across._parts.layout import Ballots
from rlchf.rules.across._parts.orders import (
    approves,
    contested_pairs,
    count_above,
    graded_pairs,
    supporters,
)

CONTESTED_PAIR, GRADED_PAIR, PAIR, WINNER, APPROVAL = 0, 1, 2, 3, 4


class Counted(NamedTuple):
    """The pairs that count on a prompt.

    Attributes
    ----------
    unit
        One of the codes above.
    pairs
        (M, M) float64, symmetric: how much each pair counts; 1 or 0, except for graded pairs.
    n
        What the pairs agreed with are divided by: their number; for graded pairs their sum by ``stake``. It
        is 0 if nothing is at stake, and 1 in the units of the first response.
    stake
        The largest satisfaction possible: 1; for graded pairs the largest of ``pairs``.
    """

    unit: int
    pairs: np.ndarray
    n: float
    stake: float


@njit(cache=True, nogil=True)
def counted_pairs(unit: int, ballots: Ballots) -> Counted:
    """Find the pairs that count on a prompt."""
    M = ballots.ranks.shape[1]
    if unit == CONTESTED_PAIR:
        pairs = contested_pairs(supporters(ballots.ranks, ballots.weights))
        return Counted(unit, pairs, pairs.sum() / 2.0, 1.0)
    if unit == GRADED_PAIR:
        pairs = graded_pairs(ballots.ranks, ballots.weights)
        stake = pairs.max()
        return Counted(unit, pairs, pairs.sum() / 2.0 / stake if stake > 0.0 else 0.0, stake)
    return Counted(unit, np.ones((M, M)), M * (M - 1) / 2.0 if unit == PAIR else 1.0, 1.0)


@njit(cache=True, nogil=True)
def costs_of_pairs(
    unit: int, ranks: np.ndarray, weights: np.ndarray, support: np.ndarray
) -> np.ndarray:
    """(M, M) float64, symmetric: what each pair counts for the rules with budgets; 0 on the diagonal."""
    costs: np.ndarray = 1.0 - np.eye(len(support))
    if unit == CONTESTED_PAIR:
        costs = contested_pairs(support)
    elif unit == GRADED_PAIR:
        costs = graded_pairs(ranks, weights)
    return costs


@njit(cache=True, nogil=True)
def rows_of(unit: int, ballots: Ballots) -> np.ndarray:
    """(V, M) what satisfaction is read off, ballot by ballot: the ranks, or what says the approvals."""
    return ballots.judged if unit == APPROVAL else ballots.ranks


@njit(cache=True, nogil=True)
def winner_satisfaction(unit: int, ballot: np.ndarray, i: int) -> float:
    """A ballot's satisfaction with response i in first place, in the units of the first response."""
    if unit == APPROVAL:
        return 1.0 if approves(ballot, i) else 0.0
    if ballot[i] == 0:
        return 0.0
    above = 0
    for rank in ballot:
        above += 0 < rank < ballot[i]
    return 1.0 - above / (len(ballot) - 1)


@njit(cache=True, nogil=True)
def satisfaction_with(counted: Counted, ballot: np.ndarray, order: np.ndarray) -> float:
    """A ballot's satisfaction with an order, from 0 to 1; the ballot is a row of `rows_of`."""
    if counted.unit in (WINNER, APPROVAL):
        return float(winner_satisfaction(counted.unit, ballot, order[0]))
    pairs, agreed, M = counted.pairs, 0.0, len(ballot)
    for a in range(M):
        i = order[a]
        if ballot[i] > 0:
            for b in range(a + 1, M):
                j = order[b]
                if ballot[i] < ballot[j]:
                    agreed += pairs[i, j]
    return agreed / counted.n


@njit(cache=True, nogil=True)
def entitlements(ballots: Ballots, counted: Counted) -> np.ndarray:
    """(V,) the satisfaction to which each ballot is entitled.

    For pairs it is the share of the ballots with an opinion that are on the ballot's side, on average
    over the pairs that count, times the stake. Otherwise it is the largest product, over the responses, of
    the ballot's satisfaction with a response and the mean satisfaction with it.
    """
    ranks, weights = rows_of(counted.unit, ballots), ballots.weights
    V, M = ranks.shape
    entitled = np.zeros(V)
    if counted.unit in (WINNER, APPROVAL):
        mean, total = np.zeros(M), max(weights.sum(), 1e-300)
        for k in range(V):
            for i in range(M):
                mean[i] += weights[k] / total * winner_satisfaction(counted.unit, ranks[k], i)
        for k in range(V):
            for i in range(M):
                satisfaction = winner_satisfaction(counted.unit, ranks[k], i)
                entitled[k] = max(entitled[k], satisfaction * mean[i])
        return entitled
    above, pairs, n = count_above(ranks, weights), counted.pairs, counted.n
    for k in range(V):
        for i in range(M):
            for j in range(M):
                if pairs[i, j] > 0.0 and 0 < ranks[k, i] < ranks[k, j] and above[i, j] > 0:
                    entitled[k] += pairs[i, j] * above[i, j] / (above[i, j] + above[j, i]) / n
    return entitled
