"""Kemeny as an integer program, for one set of responses with a large majority cycle.

This is the linear ordering problem. A column x[i, j], i < j, is 1 if i comes before j. Such columns
describe an order exactly if no three responses form a cycle. There are far too many triples to write
all their rows down, so the program starts with none and adds rows against the 3-cycles of its solution
until it has no more (cutting planes). The solution may still have fractions. Then HiGHS branches: one pair
is ordered one way and the other way, each time starting from the last solution, and 3-cycles of the
new solutions are cut off in their turn. CBC starts each program anew, so it is asked for integers instead.
"""

from time import monotonic
from typing import NamedTuple

import numpy as np

from rlchf.rules._parts.kemeny.solvers import Cbc, Highs, Solution, Solver

LARGEST = 400  # the largest number of responses for a program to be solved within minutes
ROWS = 20  # rows added in one round, per response
MORE_ROWS = 400  # rows added before integers are required, per response
BROKEN = 1e-6  # by how much a 3-cycle violates its row
NEAR = -0.25  # the violation from which a 3-cycle gets a row before integers are required
KICKS = 50  # perturbations of an order before branching
FINE = 1e6  # margins of more units than this become fractions of the largest


class BestOrder(NamedTuple):
    """The best order known, first to last, and the sum of the majorities that it overrules, its cost.

    No order costs less than ``bound``, which equals the cost if the order is proved to be optimal.
    """

    order: np.ndarray
    cost: float
    bound: float


def best_order(margins: np.ndarray, deadline: float, solver: Solver = "highs") -> BestOrder:
    """The order of greatest gain for integer (M, M) margins, or the best one known at the deadline."""
    unit, grain = _unit(margins)
    total = float(np.abs(margins).sum() / 2)  # the gain if no majority had to be overruled
    search = _BranchAndCut(margins / unit, grain, deadline, solver)
    if len(margins) <= LARGEST:
        search.run()
    gap = 0.0 if search.proved else search.bound - search.gain
    if grain > 1:  # gains differ by even numbers
        gap = 2 * np.floor((gap + 1e-6) / 2)
    cost = (total - gain_of(margins, search.order)) / 2
    return BestOrder(search.order, cost, cost - unit * max(0.0, gap) / 2)


class _OutOfTimeError(Exception):
    pass


class _Node(NamedTuple):
    """A subset of all orders, in which some pairs are fixed. Its solution has no 3-cycles."""

    lower: np.ndarray
    upper: np.ndarray
    solution: Solution


class _BranchAndCut:
    """The state of one integer program: the best order so far, and a bound on the gain of all orders.

    Attributes
    ----------
    order, gain
        The best order so far.
    bound
        An upper bound on the gain of all orders.
    proved
        Whether the order is proved to be optimal.
    """

    def __init__(self, margins: np.ndarray, grain: float, deadline: float, solver: Solver) -> None:
        self.margins, self.grain, self.deadline, self.solver = margins, grain, deadline, solver
        self.pairs = np.triu_indices(len(margins), 1)
        self.columns = np.zeros(margins.shape, dtype=np.int32)  # of each pair, either way round
        self.columns[self.pairs] = np.arange(len(self.pairs[0]))
        self.columns += self.columns.T
        self.order = local_search(margins, np.argsort(-np.sign(margins).sum(axis=1), kind="stable"))
        self.gain = gain_of(margins, self.order)
        self.bound, self.proved = float(np.abs(margins).sum() / 2), False

    def run(self) -> None:
        """Improve the order and lower the bound until they meet, or time runs out."""
        gains = self.margins[self.pairs]
        program = (Highs if self.solver == "highs" else Cbc)(2 * gains, -float(gains.sum()))
        try:
            root = self.without_cycles(program, np.zeros(len(gains)), np.ones(len(gains)))
            if root is not None:
                self.perturb()
                if isinstance(program, Highs):
                    self.branch(program, root)
                else:
                    self.require_integers(program, root)
            self.proved = True
        except _OutOfTimeError:
            pass

    def without_cycles(
        self, program: Highs | Cbc, lower: np.ndarray, upper: np.ndarray, root: bool = True
    ) -> _Node | None:
        """Solve and cut off 3-cycles until there are none; None if no order within the limits is better."""
        program.limit(lower, upper)
        last_bound = np.inf
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
            cycles = _cycles(before, BROKEN, ROWS * len(before))
            if len(cycles) == 0:
                return _Node(lower, upper, solution)
            if root and isinstance(program, Highs) and solution.bound < last_bound - self.grain / 2:
                program.drop_loose_rows()  # only after progress, so that rows do not alternate for ever
            program.add_rows(*_rows(cycles, self.columns))
            last_bound = solution.bound

    def branch(self, program: Highs, root: _Node) -> None:
        """Depth first, fix a fractional pair with a large majority one way, then the other way."""
        unfinished = [root]
        share = np.abs(self.margins[self.pairs]) / np.abs(self.margins).max()
        while unfinished:
            self.bound = max(node.solution.bound for node in unfinished)
            node = unfinished[-1]
            lower, upper = self.fixed_limits(node)
            fraction = np.where(upper > lower, 0.5 - np.abs(node.solution.x - 0.5), 0.0)
            pair = int(np.argmax(np.where(fraction > BROKEN, fraction + share / 2, 0.0)))
            children = []
            if fraction[pair] > BROKEN and node.solution.bound - self.gain >= self.grain:
                for value in (0.0, 1.0):
                    low, up = lower.copy(), upper.copy()
                    low[pair] = up[pair] = value
                    children.append(self.without_cycles(program, low, up, root=False))
            unfinished.pop()
            better = [child for child in children if child is not None]
            unfinished += sorted(better, key=lambda child: child.solution.bound)

    def require_integers(self, program: Cbc, root: _Node) -> None:
        """Solve in integers, with rows against all 3-cycles that the solution nearly violates."""
        lower, upper = self.fixed_limits(root)
        near = _cycles(self.before(root.solution), NEAR, MORE_ROWS * len(self.margins))
        rows = _rows(near, self.columns)
        needed = (upper > lower)[rows[0]].any(axis=1)
        program.add_rows(*(part[needed] for part in rows))
        program.require_integers()
        self.without_cycles(program, lower, upper)

    def fixed_limits(self, node: _Node) -> tuple[np.ndarray, np.ndarray]:
        """Limits of the columns: one whose reduced cost exceeds the gap is fixed at its value."""
        x, reduced, bound = node.solution
        fixed = np.abs(reduced) > bound - self.gain - self.grain / 2
        lower = np.where(fixed & (x > 0.5), 1.0, node.lower)
        return lower, np.where(fixed & (x < 0.5), 0.0, node.upper)

    def before(self, solution: Solution) -> np.ndarray:
        """(M, M) the value of "i before j", from 0 to 1."""
        i, j = self.pairs
        before = np.zeros(self.margins.shape)
        before[i, j], before[j, i] = solution.x, 1 - solution.x
        return before

    def perturb(self) -> None:
        """Perturb the best order as long as that finds a better one."""
        last_gain = -np.inf
        while self.gain > last_gain:
            last_gain = self.gain
            self.order = iterated_local_search(self.margins, self.order, KICKS, self.deadline)
            self.gain = gain_of(self.margins, self.order)

    def consider(self, order: np.ndarray) -> None:
        """Improve the order, and keep it if it is better than the best one."""
        order = local_search(self.margins, order)
        gain = gain_of(self.margins, order)
        if gain > self.gain:
            self.order, self.gain = order, gain


def _unit(margins: np.ndarray) -> tuple[float, float]:
    """A unit for the margins, and the least difference of two different gains in that unit."""
    unit, largest = float(np.gcd.reduce(margins.astype(np.int64), axis=None)), np.abs(margins).max()
    return (unit, 2 - 1e-6) if largest <= FINE * unit else (float(largest), 1e-9 * margins.size)


def _cycles(before: np.ndarray, violation: float, limit: int) -> np.ndarray:
    """(R, 3) responses with x[i, j] + x[j, k] + x[k, i] > 2 + violation, i the smallest; worst first."""
    cycles, sums_of_cycles = [], []
    for i in range(len(before) - 2):
        sums = before[i, i + 1 :, None] + before[i + 1 :, i + 1 :] + before[None, i + 1 :, i]
        np.fill_diagonal(sums, 0)
        j, k = np.nonzero(sums > 2 + violation)
        cycles.append(np.stack([np.full(len(j), i), j + i + 1, k + i + 1], axis=1))
        sums_of_cycles.append(sums[j, k])
    worst = np.argsort(-np.concatenate(sums_of_cycles), kind="stable")[:limit]
    chosen: np.ndarray = np.concatenate(cycles)[worst]
    return chosen


def _rows(cycles: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each 3-cycle its three columns, their signs and the upper limit of their sum."""
    start, end = cycles, cycles[:, [1, 2, 0]]
    signs = np.where(start < end, 1.0, -1.0)
    return columns[start, end], signs, 2.0 - (signs < 0).sum(axis=1)


# -- good orders without a proof, by moving one response at a time --------------------------------


def gain_of(margins: np.ndarray, order: np.ndarray) -> float:
    """Sum of the margins of earlier responses over later ones.

    Examples
    --------
    >>> gain_of(np.array([[0, 3], [-3, 0]]), np.array([1, 0]))
    -3.0
    """
    return float(np.triu(margins[np.ix_(order, order)], 1).sum())


def local_search(margins: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Move single responses to the position where the order gains most, until no move helps."""
    order = order.copy()
    M, unmoved, moving = len(order), 0, 0
    while unmoved < M:
        position = int(np.flatnonzero(order == moving)[0])
        lead = margins[moving, order]  # (M,) by position
        earlier = np.cumsum(lead[:position][::-1])[::-1]  # what moving up to a position gains
        later = -np.cumsum(lead[position + 1 :])
        gains = np.concatenate([earlier, [0.0], later])
        best = int(np.argmax(gains))
        if gains[best] > 1e-9 * np.abs(lead).sum():
            order = np.insert(np.delete(order, position), best, moving)
            unmoved = 0
        else:
            unmoved += 1
        moving = (moving + 1) % M
    return order


def iterated_local_search(
    margins: np.ndarray, order: np.ndarray, kicks: int, deadline: float
) -> np.ndarray:
    """Improve an order further: move three responses at random, improve, keep what is no worse; repeat."""
    rng = np.random.default_rng(order)  # the same moves every time
    gain = gain_of(margins, order)
    for _ in range(kicks):
        if monotonic() > deadline:
            break
        kicked = order
        for _ in range(3):
            start, end = rng.integers(len(order), size=2)
            kicked = np.insert(np.delete(kicked, start), end, kicked[start])
        kicked = local_search(margins, kicked)
        if gain_of(margins, kicked) >= gain:
            order, gain = kicked, gain_of(margins, kicked)
    return order
