"""The two solvers that Kemeny's integer program can use: HiGHS where it is installed, else CBC."""

from typing import NamedTuple, Protocol

import numpy as np


class Solution(NamedTuple):
    """A solution of the program as far as it is written down."""

    x: np.ndarray  # (columns,)
    reduced: np.ndarray  # (columns,) the bound falls by this much if the column moves by 1
    bound: float  # nothing gains more


class Program(Protocol):
    """Maximise ``gains @ x + constant`` over columns from 0 to 1 and the rows added so far."""

    def __init__(self, gains: np.ndarray, constant: float) -> None: ...

    def add_rows(self, columns: np.ndarray, signs: np.ndarray, upper: np.ndarray) -> None:
        """Add rows ``sum(signs * x[columns]) <= upper``; (R, 3), (R, 3) and (R,)."""

    def require_whole(self, settled: np.ndarray, values: np.ndarray, start: np.ndarray) -> None:
        """From now on columns are whole numbers.

        Those that are ``settled`` (bool) keep their ``values``; ``start`` is a solution to begin with.
        """

    def solve(self, seconds: float) -> Solution | None:
        """The best solution, or None if the time runs out."""


class Highs:
    """HiGHS, which goes on from its last solution when rows are added."""

    def __init__(self, gains: np.ndarray, constant: float) -> None:
        import highspy

        class Quiet(highspy.Highs):  # type: ignore[misc]
            def enableCallbacks(self) -> None:  # noqa: N802
                """Do nothing: enabling them prints a banner to standard output."""

        self.columns, self.whole = np.arange(len(gains), dtype=np.int32), False
        self.solver = Quiet()
        for option, value in (("output_flag", False), ("threads", 1), ("mip_rel_gap", 0.0)):
            self.solver.setOptionValue(option, value)
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

    def require_whole(self, settled: np.ndarray, values: np.ndarray, start: np.ndarray) -> None:
        """Ask for whole numbers; see `Program`."""
        n, kept = len(self.columns), self.columns[settled]
        self.solver.changeColsIntegrality(n, self.columns, np.ones(n, dtype=np.uint8))
        self.solver.changeColsBounds(len(kept), kept, values[settled], values[settled])
        self.solver.setSolution(n, self.columns, start)
        self.whole = True

    def solve(self, seconds: float) -> Solution | None:
        """Solve; see `Program`."""
        if seconds <= 0:
            return None
        self.solver.setOptionValue("time_limit", self.solver.getRunTime() + seconds)
        self.solver.run()
        status, n = self.solver.getModelStatus(), len(self.columns)
        if status == self.status.kInfeasible:  # no order has the settled values: none is better
            return Solution(np.full(n, 0.5), np.zeros(n), -np.inf)
        if status != self.status.kOptimal:
            return None
        found, info = self.solver.getSolution(), self.solver.getInfo()
        if self.whole:
            return Solution(np.array(found.col_value), np.zeros(n), info.mip_dual_bound)
        reduced = np.array(found.col_dual)
        return Solution(np.array(found.col_value), reduced, info.objective_function_value)


class Cbc:
    """CBC through PuLP, which solves each program from the start."""

    def __init__(self, gains: np.ndarray, constant: float) -> None:
        import pulp

        self.pulp, self.whole = pulp, False
        self.model = pulp.LpProblem("kemeny", pulp.LpMaximize)
        self.x = [pulp.LpVariable(f"x{n}", 0, 1) for n in range(len(gains))]
        terms = list(zip(self.x, gains.tolist(), strict=True))
        self.model.setObjective(pulp.LpAffineExpression(terms, constant))

    def add_rows(self, columns: np.ndarray, signs: np.ndarray, upper: np.ndarray) -> None:
        """Add rows; see `Program`."""
        for row, sign, limit in zip(columns.tolist(), signs.tolist(), upper.tolist(), strict=True):
            terms = [(self.x[n], s) for n, s in zip(row, sign, strict=True)]
            self.model.addConstraint(self.pulp.LpAffineExpression(terms) <= limit)

    def require_whole(self, settled: np.ndarray, values: np.ndarray, start: np.ndarray) -> None:
        """Ask for whole numbers; see `Program`. CBC finds its own start."""
        self.whole = True
        for variable, keeps, value in zip(self.x, settled.tolist(), values.tolist(), strict=True):
            variable.cat = self.pulp.LpInteger
            if keeps:
                variable.lowBound = variable.upBound = value

    def solve(self, seconds: float) -> Solution | None:
        """Solve; see `Program`."""
        if seconds <= 0:
            return None
        limit = None if seconds == float("inf") else seconds
        self.model.solve(self.pulp.PULP_CBC_CMD(msg=False, timeLimit=limit, threads=1, gapRel=0))
        n = len(self.x)
        if self.model.status == self.pulp.LpStatusInfeasible:
            return Solution(np.full(n, 0.5), np.zeros(n), -np.inf)
        if self.model.sol_status != self.pulp.LpSolutionOptimal:
            return None
        x = np.array([variable.value() for variable in self.x])
        reduced = np.array([0.0 if self.whole else variable.dj for variable in self.x])
        return Solution(x, reduced, float(self.pulp.value(self.model.objective)))
