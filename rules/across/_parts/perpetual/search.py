"""Compiled: the search for the order of a prompt that serves a perpetual rule's aim best.

Up to `MOST_FOR_ORDERS` responses all orders are compared. Beyond, the search starts from Borda's order and
moves one response at a time to the rank that improves most, until no move improves. On a prompt that is too
large for that, Borda's order is the result.

What runs once per order is inlined: a call would count the references to all arrays in its named tuples,
which takes a third of the time.
"""

from itertools import permutations
from typing import NamedTuple

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import MOST_FOR_ORDERS, NEARLY, first_borda_order
from rlchf.rules.across._parts.perpetual.aims import Voters, compare, fill_key

SEARCHED = 5e8
"""The largest M^3 P, for M responses and P annotators, for which orders are searched."""


class AllOrders(NamedTuple):
    """All orders of 2 to `MOST_FOR_ORDERS` responses.

    Attributes
    ----------
    rows
        (N, `MOST_FOR_ORDERS`) one order per row, shorter ones first; the rest of their rows is 0.
    starts
        Those of m responses begin at row ``starts[m]``.
    """

    rows: np.ndarray
    starts: np.ndarray


class Pairs(NamedTuple):
    """The ballots' rankings of each pair of responses on a prompt.

    Attributes
    ----------
    agreeing
        (M, M, P) the share of each annotator's ballots that rank i above j, times what the pair counts. The
        annotators come last, so that a pair adds one row to a sum over the annotators.
    n
        What sums of it are divided by, the number of pairs that count; 0 if nothing is at stake.
    above
        (M, M) the weight of the ballots that rank i above j.
    unanimous
        (M, M) bool: all ballots of positive weight rank i above j.
    total
        The weight of all ballots.
    """

    agreeing: np.ndarray
    n: float
    above: np.ndarray
    unanimous: np.ndarray
    total: float


class Candidate(NamedTuple):
    """An order (M,) with its agreement (1,), the satisfactions (P,) and the key (2, P) that it leads to."""

    order: np.ndarray
    agreement: np.ndarray
    satisfaction: np.ndarray
    key: np.ndarray


def all_orders() -> AllOrders:
    """List the orders."""
    rows = [order for m in range(2, MOST_FOR_ORDERS + 1) for order in permutations(range(m))]
    starts = [sum(len(row) < m for row in rows) for m in range(MOST_FOR_ORDERS + 2)]
    padded = [row + (0,) * (MOST_FOR_ORDERS - len(row)) for row in rows]
    return AllOrders(np.array(padded), np.array(starts))


@njit(cache=True, nogil=True)
def best_order(voters: Voters, pairs: Pairs, orders: AllOrders, order: np.ndarray) -> None:
    """Fill ``order`` (M,) with the order that serves the aim best; ties go by agreement with all ballots."""
    P, M = len(voters.state), len(order)
    best = Candidate(order, np.full(1, -1.0), np.zeros(P), np.zeros((2, P)))
    trial = Candidate(np.empty(M, dtype=np.int64), np.zeros(1), np.zeros(P), np.zeros((2, P)))
    if M <= MOST_FOR_ORDERS:
        for r in range(orders.starts[M], orders.starts[M + 1]):
            trial.order[:] = orders.rows[r, :M]
            consider(voters, pairs, trial, best)
        return
    first_borda_order(pairs.above, trial.order)
    best.order[:] = trial.order
    consider(voters, pairs, trial, best)
    if float(M) ** 3 * P <= SEARCHED:
        move_responses(voters, pairs, trial, best)


@njit(cache=True, nogil=True, inline="always")
def consider(voters: Voters, pairs: Pairs, trial: Candidate, best: Candidate) -> None:
    """Make an order the best one if it is better and keeps the unanimous pairs."""
    trial.agreement[0] = agreement_of(trial.order, pairs)
    if trial.agreement[0] >= 0.0:
        if pairs.n > 0:
            fill_satisfaction(trial.order, pairs, trial.satisfaction)
        compete(voters, pairs, trial, best)


@njit(cache=True, nogil=True, inline="always")
def compete(voters: Voters, pairs: Pairs, trial: Candidate, best: Candidate) -> None:
    """Make an order the best one if its satisfactions are better, or equally good with more agreement.

    The key stays that of the last order with better satisfactions, so that many orders that are equally good
    up to the slack do not add up to a worse one.
    """
    M, better, is_first = len(trial.order), 1, best.agreement[0] < 0.0
    if pairs.n > 0:
        fill_key(voters, trial.satisfaction, trial.key)
        if not is_first:
            better = compare(voters, trial.key, best.key)
    elif not is_first:
        better = 0
    lead = trial.agreement[0] - best.agreement[0]
    if better > 0 or (better == 0 and lead > NEARLY * M * M * pairs.total):
        best.agreement[0] = trial.agreement[0]
        best.order[:] = trial.order
        if better > 0:
            best.key[:] = trial.key


@njit(cache=True, nogil=True, inline="always")
def agreement_of(order: np.ndarray, pairs: Pairs) -> float:
    """The weight of the ballots that rank a pair as the order does, over all pairs; -1 if not allowed."""
    above, unanimous = pairs.above, pairs.unanimous
    agreement, M = 0.0, len(order)
    for a in range(M):
        for b in range(a + 1, M):
            if unanimous[order[b], order[a]]:
                return -1.0
            agreement += above[order[a], order[b]]
    return agreement


@njit(cache=True, nogil=True, inline="always")
def fill_agreeing(order: np.ndarray, pairs: Pairs, n_agreeing: np.ndarray) -> None:
    """Fill (P,) with the number of pairs on which an order agrees with each annotator."""
    agreeing = pairs.agreeing
    n_agreeing[:] = 0.0
    for a in range(len(order)):
        for b in range(a + 1, len(order)):
            i, j = order[a], order[b]
            for s in range(len(n_agreeing)):
                n_agreeing[s] += agreeing[i, j, s]


@njit(cache=True, nogil=True, inline="always")
def fill_satisfaction(order: np.ndarray, pairs: Pairs, satisfaction: np.ndarray) -> None:
    """Fill (P,) with the satisfactions with an order."""
    n = pairs.n
    fill_agreeing(order, pairs, satisfaction)
    for s in range(len(satisfaction)):
        satisfaction[s] /= n


@njit(cache=True, nogil=True)
def move_responses(voters: Voters, pairs: Pairs, trial: Candidate, best: Candidate) -> None:
    """Improve the best order by moving one response at a time, until no move improves it.

    There are at most M^2 rounds, since equality up to a slack is not transitive: levels could go round.
    """
    M, P, moved = len(best.order), len(voters.state), trial.order
    base = best.order.copy()
    base_agreeing, agreeing = np.zeros(P), np.zeros(P)  # mostly whole numbers: exact differences
    for _ in range(M * M):
        base[:] = best.order
        if pairs.n > 0:
            fill_agreeing(base, pairs, base_agreeing)
        base_agreement = agreement_of(base, pairs)
        for a in range(M):
            x = base[a]
            moved[0], moved[1 : a + 1], moved[a + 1 :] = x, base[:a], base[a + 1 :]
            agreeing[:] = base_agreeing
            agreement, wrong = base_agreement, 0  # wrong: pairs against what is unanimous
            for c in range(a):
                agreement += swap(pairs, x, base[c], agreeing)
                wrong += pairs.unanimous[base[c], x]
            for b in range(M):
                if b > 0:  # x goes down by one rank
                    y = moved[b]
                    moved[b - 1], moved[b] = y, x
                    agreement += swap(pairs, y, x, agreeing)
                    wrong += int(pairs.unanimous[x, y]) - int(pairs.unanimous[y, x])
                if wrong == 0:
                    for s in range(P):
                        agrees = agreeing[s] > NEARLY
                        trial.satisfaction[s] = agreeing[s] / pairs.n if agrees else 0.0
                    trial.agreement[0] = agreement
                    compete(voters, pairs, trial, best)
        if (base == best.order).all():
            break


@njit(cache=True, nogil=True)
def swap(pairs: Pairs, i: int, j: int, agreeing: np.ndarray) -> float:
    """Change ``agreeing`` (P,) by putting i right above j, not j above i; return the change in agreement."""
    by_pair = pairs.agreeing
    for s in range(len(agreeing)):
        agreeing[s] += by_pair[i, j, s] - by_pair[j, i, s]
    return float(pairs.above[i, j] - pairs.above[j, i])
