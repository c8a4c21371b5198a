"""What all optimal orders agree on, for one set of responses with a large majority cycle.

Given one optimal order, moves of single responses lead to others of the same gain. Then a program looks for
one that is as far from them as possible: it prefers, among orders of the same gain, those that put more
pairs the other way round. What all agree on is a partial order. The search goes on until no optimal order
disagrees with it.
"""

from typing import NamedTuple

import numpy as np

from rlchf.rules._parts.kemeny.program import FINE, best_order, gain_of
from rlchf.rules._parts.kemeny.solvers import Solver

UNCHANGED = 4
"""Moves of single responses end after so many rounds through all of them that find nothing new."""


class Agreed(NamedTuple):
    """The pairs that are in the same order in all optimal orders.

    Attributes
    ----------
    before
        (M, M) bool: i is before j in all of them.
    decided
        Whether that is known; otherwise some optimal order may disagree.
    """

    before: np.ndarray
    decided: bool


def agreed_pairs(margins: np.ndarray, order: np.ndarray, deadline: float, solver: Solver) -> Agreed:
    """Find what all optimal orders agree on from one of them, for integer (M, M) margins.

    An order that keeps all pairs of neighbours in a partial order keeps the partial order. So it is enough to
    reward reversed pairs of neighbours, by less in all than the least difference between two gains.
    """
    margins = margins / max(float(np.gcd.reduce(margins.astype(np.int64), axis=None)), 1.0)
    gain = gain_of(margins, order)
    before = _kept_by_moves(margins, order)
    while before.any():
        steps = before.astype(np.float32)
        neighbours = (before & (steps @ steps == 0)).astype(np.float64)
        scaled = margins * (neighbours.sum() + 1) - neighbours + neighbours.T
        if np.abs(scaled).max() > FINE:
            return Agreed(before, decided=False)
        other = best_order(scaled, deadline, solver)
        agreed = before & _kept(other.order)
        if gain_of(margins, other.order) != gain or (agreed == before).all():
            return Agreed(before, decided=other.bound == other.cost)
        before = agreed & _kept_by_moves(margins, other.order)
    return Agreed(before, decided=True)


def _kept(order: np.ndarray) -> np.ndarray:
    """(M, M) bool: whether i is before j in an order."""
    position = np.argsort(order)
    return np.asarray(position[:, None] < position)


def _kept_by_moves(margins: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(M, M) bool: whether i is before j in an order and in all others met by moves that keep the gain."""
    rng = np.random.default_rng(order)  # the same moves every time
    M, before = len(order), _kept(order)
    unchanged = n = 0
    while unchanged < UNCHANGED * M:
        position = n % M
        moving = order[position]
        lead = margins[moving, order]
        earlier = np.cumsum(lead[:position][::-1])[::-1]
        equal = np.flatnonzero(
            np.concatenate([earlier, [0.0], np.cumsum(lead[position + 1 :])]) == 0
        )
        passed = order[equal[0] : equal[-1] + 1]
        reversed_pairs = before[order[equal[0] : position], moving], before[moving, passed]
        unchanged = 0 if any(pairs.any() for pairs in reversed_pairs) else unchanged + 1
        before[order[equal[0] : position], moving] = False
        before[moving, passed] = False
        order = np.insert(np.delete(order, position), rng.choice(equal), moving)
        n += 1
    return before
