"""Sortition by the book: all panels of a small pool, and the linear programs over all of them."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy.optimize import linprog

from rlchf.people.sortition import Quota


def all_panels(
    features: Mapping[str, Sequence[str]],
    quotas: Sequence[Quota],
    size: int,
    household: Sequence[str] | None = None,
) -> np.ndarray:
    """(C, A) every panel that keeps the quotas, with one of each household at most."""
    people = len(next(iter(features.values())))
    panels = []
    for members in combinations(range(people), size):
        seats = [sum(features[q.column][i] == q.category for i in members) for q in quotas]
        homes = [household[i] for i in members if household[i]] if household else []
        if len(set(homes)) == len(homes) and all(
            q.least <= n <= q.most for q, n in zip(quotas, seats, strict=True)
        ):
            panels.append(np.isin(np.arange(people), members))
    return np.array(panels, dtype=float).reshape(-1, people)


def leximin_by_enumeration(panels: np.ndarray) -> np.ndarray:
    """(A,) leximin inclusion probabilities over all panels: nobody's is larger at the cost of a lower one.

    In each round every person who is not fixed is asked for the largest probability that the round's least
    one allows; those who cannot have more are fixed at it.
    """
    A = panels.shape[1]
    fixed: dict[int, float] = {i: 0.0 for i in range(A) if not panels[:, i].any()}
    while len(fixed) < A:
        least = -_solve(panels, fixed, [i for i in range(A) if i not in fixed], None)
        free = [i for i in range(A) if i not in fixed]
        stuck = [i for i in free if -_solve(panels, fixed, free, (i, least)) < least + 1e-7]
        fixed |= dict.fromkeys(stuck, least)
    return np.array([fixed[i] for i in range(A)])


def _solve(
    panels: np.ndarray,
    fixed: Mapping[int, float],
    free: Sequence[int],
    raised: tuple[int, float] | None,
) -> float:
    """Minus the largest least probability of the free; or of one, if they have at least a value."""
    C = len(panels)
    rows = [np.append(-panels[:, i], 0.0) for i in fixed]
    limits = [-(value - 1e-9) for value in fixed.values()]
    for i in free:
        rows.append(np.append(-panels[:, i], 1.0 if raised is None else 0.0))
        limits.append(0.0 if raised is None else -(raised[1] - 1e-9))
    costs = np.zeros(C + 1)
    if raised is None:
        costs[-1] = -1
    else:
        costs[:-1] = -panels[:, raised[0]]
    whole = np.append(np.ones(C), 0.0)[None]
    solution = linprog(costs, np.array(rows), limits, whole, [1.0], bounds=(0, None))
    assert solution.status == 0
    assert solution.fun is not None
    return float(solution.fun)
