"""Quotas that no panel keeps, and the smallest change that helps."""

from collections.abc import Sequence

import numpy as np

from rlchf.display import counted, listing
from rlchf.people.sortition.pool import Pool

Rows = tuple[np.ndarray, np.ndarray | float, np.ndarray | float]
"""Linear constraints: a matrix, and the least and the most of its product with the variables."""


def explain_no_panel(pool: Pool) -> str:
    """Why there is no panel, and the smallest change of the quotas under which there is one.

    The change is the one with the fewest seats in all by which minimums are lowered and maximums raised, and
    of those the one that changes the fewest numbers; integer programs find it.
    """
    problem = f"no panel of {pool.size} under these quotas can be drawn from {_people(pool)}"
    Q = len(pool.quotas)
    lower, higher = _smallest_change(pool)
    if lower is None or higher is None:
        most = counted(int(_most_seats(pool)), "annotator")
        return f"{problem}; at most {most} can be on a panel together, so choose a smaller size"
    changes = [
        f"lower the minimum of {quota.name} from {quota.least} to {quota.least - down}"
        for quota, down in zip(pool.quotas, lower[:Q].tolist(), strict=True)
        if down
    ]
    changes += [
        f"raise the maximum of {quota.name} from {quota.most} to {quota.most + up}"
        for quota, up in zip(pool.quotas, higher[:Q].tolist(), strict=True)
        if up
    ]
    return f"{problem}; the smallest change that works: {listing(changes)}"


def _people(pool: Pool) -> str:
    homes = len(pool.rows) - len(pool.quotas)
    one_each = " with one from each household at most" if homes else ""
    return f"{counted(int(pool.counts.sum()), 'annotator')}{one_each}"


def _smallest_change(pool: Pool) -> tuple[np.ndarray | None, np.ndarray | None]:
    """(Q,) seats by which minimums are lowered, and maximums raised; None if no change helps."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    T, Q = len(pool.counts), len(pool.quotas)
    rows = pool.rows[:Q]
    least, most = pool.least[:Q], pool.most[:Q]
    none, one = np.zeros((Q, Q)), np.eye(Q)
    constraints: list[Rows] = [
        (np.hstack([rows, one, none]), least, np.inf),
        (np.hstack([rows, none, -one]), -np.inf, most),
        (np.repeat([1.0, 0.0], [T, 2 * Q])[None], pool.size, pool.size),
    ]
    homes = pool.rows[Q:]
    if len(homes):
        no_change = np.zeros((len(homes), 2 * Q))
        constraints.append((np.hstack([homes, no_change]), -np.inf, 1.0))
    upper = np.concatenate([pool.counts, least, np.full(Q, pool.size)])
    cost = np.repeat([0.0, 1.0], [T, 2 * Q])
    solution = milp(
        cost,
        constraints=[LinearConstraint(*one) for one in constraints],
        integrality=np.ones(T + 2 * Q, np.int64),
        bounds=Bounds(0.0, upper),
    )
    if solution.x is None:
        return None, None
    changes = np.rint(solution.x[T:]).astype(int)
    fewer = _fewest_numbers(constraints, upper, cost, int(changes.sum()))
    changes = changes if fewer is None else fewer
    return changes[:Q], changes[Q:]


def _fewest_numbers(
    constraints: Sequence[Rows], upper: np.ndarray, cost: np.ndarray, total: int
) -> np.ndarray | None:
    """(2 Q,) changes of ``total`` seats in as few numbers as possible; None if time ran out.

    Parameters
    ----------
    constraints, upper, cost
        Those of the program that found the total: its last variables, which cost something, are the changes.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    n, changed = len(cost), int(cost.sum())
    wider = [
        LinearConstraint(np.hstack([rows, np.zeros((len(rows), changed))]), least, most)
        for rows, least, most in constraints
    ]
    wider.append(LinearConstraint(np.append(cost, np.zeros(changed))[None], total, total))
    largest = np.minimum(upper[-changed:], total)
    unchanged = np.zeros((changed, n - changed))
    linked = np.hstack([unchanged, np.eye(changed), -np.diag(largest)])
    wider.append(LinearConstraint(linked, -np.inf, 0.0))
    solution = milp(
        np.repeat([0.0, 1.0], [n, changed]),
        constraints=wider,
        integrality=np.ones(n + changed, np.int64),
        bounds=Bounds(0.0, np.append(upper, np.ones(changed))),
        options={"time_limit": 10.0},
    )
    return None if solution.x is None else np.rint(solution.x[n - changed : n]).astype(int)


def _most_seats(pool: Pool) -> float:
    """The largest number of people of whom no two are of one household."""
    shared = pool.rows[len(pool.quotas) :].any(axis=0)
    return float(pool.counts[~shared].sum() + len(pool.rows) - len(pool.quotas))
