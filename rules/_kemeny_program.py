"""Kemeny as an integer program, for one set of responses with a large majority cycle.

A column x[i, j], i < j, is 1 if i comes before j. Such columns describe an order exactly if no three
responses go round in a circle. There are far too many threes to write all of them down, so the
program starts with none and adds rows against the circles that its solution contains, until there are
none; first with fractions, which mostly are enough, then with whole numbers.
"""

from importlib.util import find_spec
from time import monotonic
from typing import NamedTuple

import numpy as np

from rlchf.rules._kemeny_search import gain_of, improve, wander
from rlchf.rules._kemeny_solvers import Cbc, Highs, Program

LARGEST = 400  # responses; beyond, a program has too many columns to be solved within minutes
ROWS = 20  # rows added in one round, per response
MORE_ROWS = 400  # rows added before whole numbers are required, per response
BROKEN = 1e-6  # by how much a circle breaks its row
NEAR = -0.25  # by how much a circle may keep its row and still be worth one
KICKS = 50  # attempts to find a better order before whole numbers are asked for


class Found(NamedTuple):
    """The best order found, first to last.

    Its cost is the sum of the majorities it overrules. No order costs less than ``bound``, which is the
    cost itself if that is proven.
    """

    order: np.ndarray
    cost: float
    bound: float


def best_order(margins: np.ndarray, deadline: float) -> Found:
    """The order of greatest gain for (M, M) margins, or the best one found until the deadline."""
    unit, grain = _unit(margins)
    margins = margins / unit
    most = float(np.abs(margins).sum() / 2)  # if no majority had to be overruled
    order = improve(margins, np.argsort(-np.sign(margins).sum(axis=1), kind="stable"))
    bound = most
    if len(margins) <= LARGEST:
        order, bound = _prove(margins, order, grain, deadline)
    cost, least = most - gain_of(margins, order), most - bound
    return Found(order, unit * cost / 2, unit * (least if bound > -np.inf else cost) / 2)


def _prove(
    margins: np.ndarray, order: np.ndarray, grain: float, deadline: float
) -> tuple[np.ndarray, float]:
    """Improve the order and lower the bound until they meet; the bound is then -inf."""
    i, j = np.triu_indices(len(margins), 1)
    columns = np.zeros(margins.shape, dtype=np.int32)  # of each pair, either way round
    columns[i, j] = columns[j, i] = np.arange(len(i))
    kind: type[Program] = Highs if find_spec("highspy") else Cbc
    program, whole = kind(2 * margins[i, j], -float(margins[i, j].sum())), False
    gain, bound = gain_of(margins, order), np.abs(margins).sum() / 2
    while (solution := program.solve(deadline - monotonic())) is not None:
        bound = min(bound, solution.bound)
        before = np.zeros(margins.shape)
        before[i, j], before[j, i] = solution.x, 1 - solution.x
        candidate = improve(margins, np.argsort(-before.sum(axis=1), kind="stable"))
        if gain_of(margins, candidate) > gain:
            order, gain = candidate, gain_of(margins, candidate)
        circles = _circles(before, BROKEN, ROWS * len(margins))
        if bound - gain < grain or (whole and len(circles) == 0):
            return order, -np.inf
        program.add_rows(*_rows(circles, columns))
        if len(circles):
            continue
        order = wander(margins, order, KICKS, deadline)
        gain = gain_of(margins, order)
        # A column whose move costs more than the gap has its value in all better orders.
        settled = np.abs(solution.reduced) > bound - gain - grain / 2
        rows = _rows(_circles(before, NEAR, MORE_ROWS * len(margins)), columns)
        program.add_rows(*(part[~settled[rows[0]].all(axis=1)] for part in rows))
        place = np.argsort(order)
        program.require_whole(settled, solution.x.round(), (place[i] < place[j]).astype(float))
        whole = True
    return order, float(bound)


def _unit(margins: np.ndarray) -> tuple[float, float]:
    """A unit for the margins, and what two orders' gains differ by, in that unit, if they differ."""
    if (margins == np.rint(margins)).all():
        return float(np.gcd.reduce(np.abs(margins).astype(np.int64), axis=None)), 2 - 1e-6
    return float(np.abs(margins).max()), 1e-9 * margins.size


def _circles(before: np.ndarray, more: float, most: int) -> np.ndarray:
    """(R, 3) responses with x[i, j] + x[j, k] + x[k, i] > 2 + more, i the smallest: the worst ones."""
    found, excess = [], []
    for i in range(len(before) - 2):
        sums = before[i, i + 1 :, None] + before[i + 1 :, i + 1 :] + before[None, i + 1 :, i]
        np.fill_diagonal(sums, 0)
        j, k = np.nonzero(sums > 2 + more)
        found.append(np.stack([np.full(len(j), i), j + i + 1, k + i + 1], axis=1))
        excess.append(sums[j, k])
    worst = np.argsort(-np.concatenate(excess), kind="stable")[:most]
    return np.concatenate(found)[worst]


def _rows(circles: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each circle its three columns, their signs and the upper limit of their sum."""
    start, end = circles, circles[:, [1, 2, 0]]
    signs = np.where(start < end, 1.0, -1.0)
    return columns[start, end], signs, 2.0 - (signs < 0).sum(axis=1)
