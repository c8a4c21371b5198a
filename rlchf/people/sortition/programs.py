"""The programs of sortition, by HiGHS: the best panel, the relaxed panels, and lotteries over panels."""

from typing import Any

import numpy as np

from rlchf.numeric.highs import quiet_highs, run_highs
from rlchf.people.sortition.pool import Pool

TINY = 1e-9
SLACK = 1e-8
"""By how much a probability may fall below the one at which it was fixed; above the solver's tolerance."""


def solver() -> Any:
    """A quiet HiGHS on one thread."""
    import highspy

    highs = quiet_highs(
        {
            "mip_rel_gap": 0.0,
            "mip_abs_gap": 1e-9,
            "primal_feasibility_tolerance": 1e-9,
            "dual_feasibility_tolerance": 1e-9,
        }
    )
    highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
    return highs


def _add_columns(highs: Any, upper: np.ndarray) -> None:
    n, none = len(upper), np.zeros(0)
    index = none.astype(np.int32)
    highs.addCols(n, np.zeros(n), np.zeros(n), upper.astype(float), 0, index, index, none)


def _add_rows(highs: Any, rows: np.ndarray, least: np.ndarray, most: np.ndarray) -> None:
    """Add rows ``least <= rows @ x <= most`` over the first columns."""
    for row, low, high in zip(rows, least.tolist(), most.tolist(), strict=True):
        columns = np.flatnonzero(row).astype(np.int32)
        highs.addRow(low, high, len(columns), columns, row[columns])


def _solve(highs: Any) -> bool:
    """Whether there is an optimum; else there is no solution."""
    import highspy

    status = highspy.HighsModelStatus
    run_highs(highs)
    if highs.getModelStatus() == status.kUnknown:  # from a basis that is nearly singular
        highs.clearSolver()
        highs.run()
    ended = highs.getModelStatus()
    assert ended in (status.kOptimal, status.kInfeasible), ended
    return bool(ended == status.kOptimal)


class Panels:
    """The panels under the quotas: which is worth most, if each seat of a type has a worth.

    The linear program without whole seats has few parts of seats, and says what a change of any other seat
    costs at least. So an integer program over a few types finds a good panel, and one over those types
    whose change costs less than that panel lacks finds the best.

    Attributes
    ----------
    bound
        What no panel was worth more than when the best one was last looked for.
    """

    def __init__(self, pool: Pool) -> None:
        import highspy

        self.counts, self.bound = pool.counts.astype(float), np.inf
        T = len(self.counts)
        self.columns = np.arange(T, dtype=np.int32)
        self.linear, self.whole = solver(), solver()
        for highs in (self.linear, self.whole):
            _add_columns(highs, self.counts)
            _add_rows(highs, pool.rows, pool.least, pool.most)
            size = np.array([pool.size])
            _add_rows(highs, np.ones((1, T)), size, size)
        self.whole.setOptionValue("presolve", "off")  # which takes longer than these small programs
        self.whole.changeColsIntegrality(T, self.columns, [highspy.HighsVarType.kInteger] * T)

    def best(self, worth: np.ndarray, enough: float = np.inf) -> np.ndarray | None:
        """(T,) seats by type of a panel that is worth most, or None if there is no panel.

        A panel that is worth ``enough`` will do, if one of the integer programs over few types finds it.
        """
        self.linear.changeColsCost(len(worth), self.columns, worth)
        if not _solve(self.linear):
            return None
        solution = self.linear.getSolution()
        seats, cost = np.array(solution.col_value), np.abs(np.array(solution.col_dual))
        self.bound = float(worth @ seats)
        near = np.asarray(np.rint(seats))
        parts = np.abs(seats - near) > 1e-7
        if not parts.any():
            return near
        cost[parts] = 0.0
        few, value, panel = 2 * int(parts.sum()) + 20, -np.inf, None
        while few < len(seats) and value <= min(enough, np.finfo(float).max):
            found = self._among(cost <= np.partition(cost, few)[few], near, worth)
            if found is not None:
                panel, value = found, float(worth @ found)
                if enough == np.inf:
                    break
            few *= 2
        lacks = self.bound - value
        if panel is not None and (value > enough or lacks <= TINY):
            return panel
        return self._among(cost <= lacks + TINY, near, worth)  # no other seat makes up for its cost

    def _among(self, free: np.ndarray, seats: np.ndarray, worth: np.ndarray) -> np.ndarray | None:
        """The best panel with given seats but for the types that are free."""
        T = len(self.columns)
        low, high = np.where(free, 0.0, seats), np.where(free, self.counts, seats)
        self.whole.changeColsBounds(T, self.columns, low, high)
        self.whole.changeColsCost(T, self.columns, worth)
        if not _solve(self.whole):
            return None
        return np.asarray(np.rint(self.whole.getSolution().col_value))


class Relaxed:
    """Panels with parts of seats: a linear program whose optimum no lottery can exceed."""

    def __init__(self, pool: Pool) -> None:
        self.highs, T = solver(), len(pool.counts)
        self.pool, self.columns = pool, np.arange(T, dtype=np.int32)
        _add_columns(self.highs, np.append(pool.counts, 1))  # the last is the least probability
        _add_rows(self.highs, pool.rows, pool.least, pool.most)
        size = np.array([pool.size])
        _add_rows(self.highs, np.ones((1, T)), size, size)
        self.first = len(pool.rows) + 1
        for t in range(T):
            index, row = np.array([t, T], np.int32), np.array([1 / pool.counts[t], -1.0])
            self.highs.addRow(0.0, np.inf, 2, index, row)
        self.highs.changeColCost(T, 1.0)

    def leximin(self, absent: np.ndarray) -> np.ndarray | None:
        """(T,) the leximin probabilities of relaxed panels, None without any; ``absent`` (T,) are in none."""
        T = len(self.columns)
        fixed = absent.copy()
        for t in np.flatnonzero(absent).tolist():
            self._fix(t, 0.0)
            self.highs.changeColBounds(t, 0.0, 0.0)
        least = np.zeros(T)
        while not fixed.all():
            if not _solve(self.highs):
                return None
            solution = self.highs.getSolution()
            value = solution.col_value[T]
            binding = ~fixed & (np.abs(solution.row_dual[self.first :]) > TINY)
            for t in np.flatnonzero(binding if binding.any() else ~fixed).tolist():
                self._fix(t, value)
                least[t], fixed[t] = value, True
        return least

    def _fix(self, t: int, value: float) -> None:
        """Let a type have a probability of at least a value, in place of the least one."""
        row = self.first + t
        self.highs.changeCoeff(row, len(self.columns), 0.0)
        self.highs.changeRowBounds(row, max(0.0, value - SLACK), np.inf)


class Lotteries:
    """Lotteries over panels found so far: the one with the largest least probability.

    The program has a row for each type t: the probability of its people, less c_t times z, is at least
    f_t. It maximises z. Its duals say what another panel must be worth to make z larger.
    """

    def __init__(self, pool: Pool, floor: np.ndarray, counted: np.ndarray, at_most: float) -> None:
        """Set ``floor`` (T,) f, ``counted`` (T,) whether c is 1, and the largest z."""
        self.highs, self.pool = solver(), pool
        self.highs.setOptionValue("simplex_strategy", 4)  # primal, since panels are added
        self.panels: list[np.ndarray] = []
        none = np.zeros(0)
        self.highs.addCol(1.0, -np.inf, at_most, 0, none.astype(np.int32), none)
        for f, c in zip(floor.tolist(), counted.tolist(), strict=True):
            self.highs.addRow(f, np.inf, 1, np.zeros(1, np.int32), np.array([-1.0 if c else 0.0]))
        self.highs.addRow(1.0, 1.0, 0, none.astype(np.int32), none)

    def add(self, panel: np.ndarray) -> None:
        """Add a panel (T,) of seats by type."""
        rows = np.flatnonzero(panel).astype(np.int32)
        index = np.append(rows, len(self.pool.counts)).astype(np.int32)
        values = np.append(panel[rows] / self.pool.counts[rows], 1.0)
        self.highs.addCol(0.0, 0.0, np.inf, len(index), index, values)
        self.panels.append(panel)

    def solve(self) -> tuple[float, np.ndarray, float]:
        """The largest z, the worth (T,) of a seat of each type, and what a new panel must exceed."""
        solved = _solve(self.highs)
        assert solved, "there is a lottery over the panels found so far"
        solution = self.highs.getSolution()
        duals = np.array(solution.row_dual)
        return (
            float(solution.col_value[0]),
            np.maximum(-duals[:-1], 0) / self.pool.counts,
            float(duals[-1]),
        )

    def fix(self, t: int, value: float) -> None:
        """Let a type have a probability of at least a value, in place of z."""
        self.highs.changeCoeff(int(t), 0, 0.0)
        self.highs.changeRowBounds(int(t), max(0.0, value - SLACK), np.inf)

    @property
    def probabilities(self) -> np.ndarray:
        """(C,) the probability of each panel in the last solution."""
        chances = np.maximum(np.array(self.highs.getSolution().col_value)[1:], 0)
        return np.asarray(chances / chances.sum())
