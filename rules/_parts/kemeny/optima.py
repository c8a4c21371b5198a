"""Where all optimal orders agree, for one set of responses with a large majority cycle.

Given one optimal order, a program looks for another that is as far from it as possible: it prefers, among
orders of the same gain, those that put more neighbours the other way round. If it finds the given order
again, no other is optimal.
"""

from typing import NamedTuple

import numpy as np

from rlchf.rules._parts.kemeny.program import FINE, best_order, gain_of
from rlchf.rules._parts.kemeny.solvers import Solver


class Cuts(NamedTuple):
    """The places at which all optimal orders have the same responses in front.

    Attributes
    ----------
    cut
        (M + 1,) bool: after k responses; true at 0 and M.
    decided
        Whether that is known; otherwise some of these places may be no cuts.
    """

    cut: np.ndarray
    decided: bool


def common_cuts(margins: np.ndarray, order: np.ndarray, deadline: float, solver: Solver) -> Cuts:
    """Find the cuts of all optimal orders from one of them, for integer (M, M) margins.

    Blocks are what lies between the places that may still be cuts. An order that keeps all pairs of
    neighbouring blocks keeps the order of all blocks. So it is enough to reward reversed pairs of
    neighbouring blocks, by less in all than the least difference between two gains.
    """
    M = len(order)
    margins = margins[np.ix_(order, order)]  # the order is now 0, 1, ..., M - 1
    margins = margins / max(float(np.gcd.reduce(margins.astype(np.int64), axis=None)), 1.0)
    gain = gain_of(margins, np.arange(M))
    cut = np.ones(M + 1, dtype=bool)
    while cut[1:-1].any():
        block = np.cumsum(cut[:-1])  # (M,) number of each response's block
        neighbours = (block[:, None] + 1 == block).astype(np.float64)
        scaled = margins * (neighbours.sum() + 1) - neighbours + neighbours.T
        if np.abs(scaled).max() > FINE:
            return Cuts(cut, decided=False)
        other = best_order(scaled, deadline, solver)
        front = np.maximum.accumulate(other.order)[:-1] == np.arange(M - 1)  # the same k in front
        same = gain_of(margins, other.order) == gain
        if same and not front[cut[1:-1]].all():
            cut[1:-1] &= front
        else:
            return Cuts(cut, decided=other.bound == other.cost)
    return Cuts(cut, decided=True)
