"""Kemeny as an integer program, for one set of responses with a large majority cycle.

A column x[i, j], i < j, is 1 if i comes before j. Such columns describe an order exactly if no three
responses go round in a circle. There are far too many threes to write all of them down, so the
program starts with none and adds rows against the circles that its solution contains, until there are
none. The solution may still have fractions. Then HiGHS branches: one pair is ordered this way and
that way, each time from the last solution on, and the circles of the new solutions are forbidden in
their turn; CBC, which forgets its last solution, is asked for whole numbers instead.
"""

from importlib.util import find_spec
from time import monotonic
from typing import NamedTuple

import numpy as np

from rlchf.rules._parts.kemeny.search import gain_of, improve, wander
from rlchf.rules._parts.kemeny.solvers import Cbc, Highs, Solution, Solver

LARGEST = 400  # responses; beyond, a program has too many columns to be solved within minutes
ROWS = 20  # rows added in one round, per response
MORE_ROWS = 400  # rows added before whole numbers are required, per response
BROKEN = 1e-6  # by how much a circle breaks its row
NEAR = -0.25  # by how much a circle may keep its row and still be worth one
KICKS = 50  # attempts to find a better order before branching
FINE = 1e6  # margins of more units than this count as fractions of the largest


class Found(NamedTuple):
    """The best order found, first to last.

    Its cost is the sum of the majorities it overrules. No order costs less than ``bound``, which is the
    cost itself if that is proven.
    """

    order: np.ndarray
    cost: float
    bound: float


def best_order(margins: np.ndarray, deadline: float, solver: Solver | None = None) -> Found:
    """The order of greatest gain for whole (M, M) margins, or the best one found until the deadline."""
    unit, grain = _unit(margins)
    most = float(np.abs(margins).sum() / 2)  # if no majority had to be overruled
    proof = _Proof(margins / unit, grain, deadline, solver or default_solver())
    if len(margins) <= LARGEST:
        proof.run()
    better = 0.0 if proof.proved else proof.bound - proof.gain
    if grain > 1:  # gains differ by even numbers
        better = 2 * np.floor((better + 1e-6) / 2)
    cost = (most - gain_of(margins, proof.order)) / 2
    return Found(proof.order, cost, cost - unit * max(0.0, better) / 2)


def default_solver() -> Solver:
    """HiGHS where it is installed."""
    return "highs" if find_spec("highspy") else "cbc"


class _OutOfTimeError(Exception):
    pass


class _Node(NamedTuple):
    """A part of all orders: some pairs are settled. Its solution contains no circles."""

    lower: np.ndarray
    upper: np.ndarray
    solution: Solution


class _Proof:
    """One integer program on its way: the best order so far, and what no order exceeds.

    Attributes
    ----------
    order, gain
        The best order so far.
    bound
        No order gains more.
    proved
        Whether the order is known to gain most.
    """

    def __init__(self, margins: np.ndarray, grain: float, deadline: float, solver: Solver) -> None:
        self.margins, self.grain, self.deadline, self.solver = margins, grain, deadline, solver
        self.pairs = np.triu_indices(len(margins), 1)
        self.columns = np.zeros(margins.shape, dtype=np.int32)  # of each pair, either way round
        self.columns[self.pairs] = np.arange(len(self.pairs[0]))
        self.columns += self.columns.T
        self.order = improve(margins, np.argsort(-np.sign(margins).sum(axis=1), kind="stable"))
        self.gain = gain_of(margins, self.order)
        self.bound, self.proved = float(np.abs(margins).sum() / 2), False

    def run(self) -> None:
        """Improve the order and lower the bound until they meet, or time runs out."""
        gains = self.margins[self.pairs]
        program = (Highs if self.solver == "highs" else Cbc)(2 * gains, -float(gains.sum()))
        try:
            root = self.without_circles(program, np.zeros(len(gains)), np.ones(len(gains)))
            if root is not None:
                self.wander()
                if isinstance(program, Highs):
                    self.branch(program, root)
                else:
                    self.require_integers(program, root)
            self.proved = True
        except _OutOfTimeError:
            pass

    def without_circles(
        self, program: Highs | Cbc, lower: np.ndarray, upper: np.ndarray, root: bool = True
    ) -> _Node | None:
        """Solve, and forbid circles, until there are none; None if no order here is better."""
        program.limit(lower, upper)
        last = np.inf
        while True:
            solution = program.solve(self.deadline - monotonic())
            if solution is None:
                raise _OutOfTimeError
            if root:
                self.bound = min(self.bound, solution.bound)
            before = self.before(solution)
            self.consider(np.argsort(-before.sum(axis=1), kind="stable"))
            if solution.bound - self.gain < self.grain:
                return None
            circles = _circles(before, BROKEN, ROWS * len(before))
            if len(circles) == 0:
                return _Node(lower, upper, solution)
            if root and isinstance(program, Highs) and solution.bound < last - self.grain / 2:
                program.drop_loose_rows()  # only after progress: they cannot come and go for ever
            program.add_rows(*_rows(circles, self.columns))
            last = solution.bound

    def branch(self, program: Highs, root: _Node) -> None:
        """Order a doubtful pair of a large majority this way and that way, and so on, depth first."""
        unfinished = [root]
        share = np.abs(self.margins[self.pairs]) / np.abs(self.margins).max()
        while unfinished:
            self.bound = max(node.solution.bound for node in unfinished)
            node = unfinished[-1]
            lower, upper = self.settled(node)
            doubt = np.where(upper > lower, 0.5 - np.abs(node.solution.x - 0.5), 0.0)
            pair = int(np.argmax(np.where(doubt > BROKEN, doubt + share / 2, 0.0)))
            parts = []
            if doubt[pair] > BROKEN and node.solution.bound - self.gain >= self.grain:
                for side in (0.0, 1.0):
                    low, up = lower.copy(), upper.copy()
                    low[pair] = up[pair] = side
                    parts.append(self.without_circles(program, low, up, root=False))
            unfinished.pop()
            better = [part for part in parts if part is not None]
            unfinished += sorted(better, key=lambda part: part.solution.bound)

    def require_integers(self, program: Cbc, root: _Node) -> None:
        """Solve in whole numbers, with rows against all circles that the solution comes near to."""
        lower, upper = self.settled(root)
        near = _circles(self.before(root.solution), NEAR, MORE_ROWS * len(self.margins))
        rows = _rows(near, self.columns)
        needed = (upper > lower)[rows[0]].any(axis=1)
        program.add_rows(*(part[needed] for part in rows))
        program.require_integers()
        self.without_circles(program, lower, upper)

    def settled(self, node: _Node) -> tuple[np.ndarray, np.ndarray]:
        """Limits of the columns: one whose move costs more than the gap keeps its value."""
        x, reduced, bound = node.solution
        keeps = np.abs(reduced) > bound - self.gain - self.grain / 2
        lower = np.where(keeps & (x > 0.5), 1.0, node.lower)
        return lower, np.where(keeps & (x < 0.5), 0.0, node.upper)

    def before(self, solution: Solution) -> np.ndarray:
        """(M, M): how far i is before j, from 0 to 1."""
        i, j = self.pairs
        before = np.zeros(self.margins.shape)
        before[i, j], before[j, i] = solution.x, 1 - solution.x
        return before

    def wander(self) -> None:
        """Look for a better order as long as that helps."""
        before = -np.inf
        while self.gain > before:
            before = self.gain
            self.order = wander(self.margins, self.order, KICKS, self.deadline)
            self.gain = gain_of(self.margins, self.order)

    def consider(self, order: np.ndarray) -> None:
        """Take the order, improved, if it is better than the best one."""
        order = improve(self.margins, order)
        gain = gain_of(self.margins, order)
        if gain > self.gain:
            self.order, self.gain = order, gain


def _unit(margins: np.ndarray) -> tuple[float, float]:
    """A unit for the margins, and what two orders' gains differ by, in that unit, if they differ."""
    unit, most = float(np.gcd.reduce(margins.astype(np.int64), axis=None)), np.abs(margins).max()
    return (unit, 2 - 1e-6) if most <= FINE * unit else (float(most), 1e-9 * margins.size)


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
