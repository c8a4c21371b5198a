"""Why no weights have the margins that they are to have."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.display import counted, listing

if TYPE_CHECKING:
    from rlchf.people.raking import Margin

NEGLIGIBLE = 1e-7
"""Shares of the weight below which a linear program's answer is 0."""


def explain(
    base: np.ndarray, margins: Sequence["Margin"], weights: np.ndarray, largest: float
) -> str:
    """What is wrong, in a sentence, if raking has not converged to ``weights``.

    Parameters
    ----------
    base
        (A,) base weights.
    largest
        The largest weight allowed, as a multiple of the mean; infinity for none.
    """
    cells = Cells(base, margins)
    lacking = cells.least_differences()
    if lacking:
        return (
            f"no weights of these annotators have all margins at once; the nearest weights miss "
            f"{listing(lacking)}; merge categories, or leave one of these columns out"
        )
    if np.isfinite(largest):
        least = cells.smallest_bound()
        if least > largest * (1 - 1e-9):
            least = math.ceil(1000 * least) / 1000
            return (
                f"no weights of at most {largest:g} times their mean have these margins; the smallest bound "
                f"that works is {least:g}; give a trim above it, or merge categories"
            )
    zero = cells.always_zero()
    if zero:
        return (
            f"the margins hold only if annotators weigh 0 who have {listing(zero)}; merge categories, or "
            "leave one of these columns out"
        )
    gaps = {
        f"{m.column} {m.categories[c]!r}": abs(m.sums(weights)[c] / weights.sum() - m.shares[c])
        for m in margins
        for c in range(len(m.categories))
    }
    worst = max(gaps, key=gaps.__getitem__)
    return (
        f"raking has not converged: the share of {worst} is still {gaps[worst]:.2g} from its target; "
        "give a larger trim, or merge small categories"
    )


class Cells:
    """People with the same categories in all columns, and linear programs over the weights of such cells.

    Attributes
    ----------
    rows
        (C, J) the category of each cell in each column.
    people
        (C,) number of people with a base weight in each cell.
    """

    def __init__(self, base: np.ndarray, margins: Sequence["Margin"]) -> None:
        codes = np.stack([one.codes for one in margins], axis=1)[base > 0]
        self.rows, self.people = np.unique(codes, axis=0, return_counts=True)
        self.margins = margins
        ones = [self.rows[:, j] == c for j, m in enumerate(margins) for c in range(len(m.shares))]
        self.matrix = np.array(ones, dtype=float)  # (all categories, C)
        self.targets = np.concatenate([m.shares for m in margins])
        self.names = [f"{m.column} {name!r}" for m in margins for name in m.categories]

    def least_differences(self) -> list[str]:
        """Categories whose shares are missed by weights that miss all shares by least; none if none must."""
        n, C = self.matrix.shape
        A = np.hstack([self.matrix, np.eye(n), -np.eye(n)])
        solution = _solve(np.repeat([0.0, 1.0], [C, 2 * n]), A, self.targets)
        more, less = solution.x[C : C + n], solution.x[C + n :]
        return [
            f"{name} by {100 * abs(gap):.2g} %"
            for name, gap in zip(self.names, more - less, strict=True)
            if abs(gap) > NEGLIGIBLE
        ]

    def smallest_bound(self) -> float:
        """The least multiple of the mean that weights of people with these margins must reach."""
        n, C = self.matrix.shape
        A = np.hstack([self.matrix, np.zeros((n, 1))])
        within = np.hstack([np.eye(C), -self.people[:, None].astype(float)])
        solution = _solve(np.repeat([0.0, 1.0], [C, 1]), A, self.targets, within)
        return float(solution.x[-1] * self.people.sum())

    def always_zero(self) -> list[str]:
        """Cells that have no weight whatever weights have the margins, in words."""
        n, C = self.matrix.shape
        # As many cells as possible, each up to a small share, get a weight.
        small = NEGLIGIBLE * 10
        A = np.hstack([self.matrix, np.zeros((n, C))])
        within = np.hstack([-np.eye(C), np.eye(C)])
        solution = _solve(
            np.repeat([0.0, -1.0], [C, C]),
            A,
            self.targets,
            within,
            [(0, None)] * C + [(0, small)] * C,
        )
        zero = np.flatnonzero(solution.x[C:] < small / 100)
        return [
            " and ".join(
                f"{m.column} {m.categories[c]!r}" for m, c in zip(self.margins, row, strict=True)
            )
            + f" ({counted(int(people), 'annotator')})"
            for row, people in zip(self.rows[zero], self.people[zero], strict=True)
        ]


def _solve(
    costs: np.ndarray,
    A: np.ndarray,
    b: np.ndarray,
    within: np.ndarray | None = None,
    bounds: Any = None,
) -> Any:
    """Minimise ``costs @ x`` with ``A @ x == b`` and ``within @ x <= 0``, by HiGHS."""
    from scipy.optimize import linprog

    zeros = None if within is None else np.zeros(len(within))
    solution = linprog(costs, A_ub=within, b_ub=zeros, A_eq=A, b_eq=b, bounds=bounds or (0, None))
    assert solution.status == 0, solution.message
    return solution
