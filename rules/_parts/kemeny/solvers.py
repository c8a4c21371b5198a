"""The two solvers of Kemeny's integer program: HiGHS, and CBC through PuLP."""

from typing import Literal, NamedTuple, Protocol

import numpy as np

from rlchf.numeric.highs import quiet_highs, run_highs

Solver = Literal["highs", "cbc"]

OPTIMAL, INFEASIBLE = 1, -1  # statuses of PuLP, the same in all versions


class Solution(NamedTuple):
    """A solution of the program with the rows added so far."""

    x: np.ndarray  # (columns,)
    reduced: np.ndarray  # (columns,) reduced costs: the loss of the bound if a column moves by 1
    bound: float  # an upper bound on the gain; -inf if no x keeps all limits


class Program(Protocol):
    """Maximise ``gains @ x + constant`` over columns from 0 to 1 and the rows added so far."""

    def __init__(self, gains: np.ndarray, constant: float) -> None: ...

    def add_rows(self, columns: np.ndarray, signs: np.ndarray, upper: np.ndarray) -> None:
        """Add rows ``sum(signs * x[columns]) <= upper``; (R, 3), (R, 3) and (R,)."""

    def limit(self, lower: np.ndarray, upper: np.ndarray) -> None:
        """Set new limits of the columns."""

    def solve(self, seconds: float) -> Solution | None:
        """An optimal solution, or None if time runs out."""


class Highs:
    """HiGHS, which starts from its last solution when rows are added or limits change."""

    def __init__(self, gains: np.ndarray, constant: float) -> None:
        import highspy

        self.columns = np.arange(len(gains), dtype=np.int32)
        self.solver = quiet_highs({})
        n, none = len(gains), np.zeros(0)
        no_rows = none.astype(np.int32)
        self.solver.addCols(n, gains, np.zeros(n), np.ones(n), 0, no_rows, no_rows, none)
        self.solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
        self.solver.changeObjectiveOffset(constant)
        self.status = highspy.HighsModelStatus

    def add_rows(self, columns: np.ndarray, signs: np.ndarray, upper: np.ndarray) -> None:
        """Add rows; see `Program`."""
        rows = len(columns)
        starts = np.arange(0, 3 * rows, 3, dtype=np.int32)
        lower = np.full(rows, -np.inf)
        self.solver.addRows(rows, lower, upper, 3 * rows, starts, columns.ravel(), signs.ravel())

    def limit(self, lower: np.ndarray, upper: np.ndarray) -> None:
        """Change the limits; see `Program`."""
        self.solver.changeColsBounds(len(self.columns), self.columns, lower, upper)

    def drop_loose_rows(self) -> None:
        """Delete the rows that the last solution does not need; they may be added again."""
        solution = self.solver.getSolution()
        slack = np.array(self.solver.getLp().row_upper_) - np.array(solution.row_value)
        loose = np.flatnonzero((slack > 1e-6) & (np.abs(solution.row_dual) < 1e-9))
        if len(loose):
            self.solver.deleteRows(len(loose), loose.astype(np.int32))

    def solve(self, seconds: float) -> Solution | None:
        """Solve; see `Program`."""
        if seconds <= 0:
            return None
        self.solver.setOptionValue("time_limit", self.solver.getRunTime() + seconds)
        run_highs(self.solver)
        status, n = self.solver.getModelStatus(), len(self.columns)
        if status == self.status.kInfeasible:
            return Solution(np.full(n, 0.5), np.zeros(n), -np.inf)
        if status != self.status.kOptimal:
            return None
        solution, info = self.solver.getSolution(), self.solver.getInfo()
        x, reduced = np.array(solution.col_value), np.array(solution.col_dual)
        return Solution(x, reduced, info.objective_function_value)


class Cbc:
    """CBC through PuLP, which solves each program from the start, but can require integers.

    PuLP 4 makes variables through the problem, returns a status from ``solve``, and brings CBC only as
    an extra; PuLP 2 and 3 have a class for variables, keep the status in the problem, and contain CBC.
    """

    def __init__(self, gains: np.ndarray, constant: float) -> None:
        import pulp

        self.pulp, self.is_integer = pulp, False
        self.solver = getattr(pulp, "PULP_CBC_CMD", pulp.COIN_CMD)
        if not self.solver(msg=False).available():
            raise ValueError(
                "solver is 'cbc', but there is no CBC; install pulp[cbc] or choose 'highs'"
            )
        self.model = pulp.LpProblem("kemeny", pulp.LpMaximize)
        new_variable = getattr(self.model, "add_variable", pulp.LpVariable)
        self.x = [new_variable(f"x{n}", 0, 1) for n in range(len(gains))]
        self.model.setObjective(pulp.lpDot(gains.tolist(), self.x) + constant)

    def add_rows(self, columns: np.ndarray, signs: np.ndarray, upper: np.ndarray) -> None:
        """Add rows; see `Program`."""
        for row, sign, limit in zip(columns.tolist(), signs.tolist(), upper.tolist(), strict=True):
            self.model.addConstraint(self.pulp.lpDot(sign, [self.x[n] for n in row]) <= limit)

    def limit(self, lower: np.ndarray, upper: np.ndarray) -> None:
        """Change the limits; see `Program`."""
        for variable, low, up in zip(self.x, lower.tolist(), upper.tolist(), strict=True):
            variable.lowBound, variable.upBound = low, up

    def require_integers(self) -> None:
        """From now on all columns are integers."""
        self.is_integer = True
        for variable in self.x:
            variable.cat = self.pulp.LpInteger

    def solve(self, seconds: float) -> Solution | None:
        """Solve; see `Program`."""
        if seconds <= 0:
            return None
        limit = None if seconds == float("inf") else seconds
        result = self.model.solve(self.solver(msg=False, timeLimit=limit, threads=1, gapRel=0))
        status, n = getattr(result, "status", result), len(self.x)
        if status == INFEASIBLE:
            return Solution(np.full(n, 0.5), np.zeros(n), -np.inf)
        if status != OPTIMAL or getattr(self.model, "sol_status", OPTIMAL) != OPTIMAL:
            return None  # PuLP 2 and 3 call a program optimal that ran out of time with a solution
        # PuLP does not pass a variable without gain and rows to CBC; any value is right for it.
        x = np.array([variable.value() or 0.0 for variable in self.x])
        reduced = np.array([0.0 if self.is_integer else variable.dj or 0.0 for variable in self.x])
        return Solution(x, reduced, float(self.model.objective.value()))
