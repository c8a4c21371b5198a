"""Squared Kemeny as an integer program, for one prompt with too many responses to list all orders.

A column x[i, j], i < j, is 1 if i comes before j; rows forbid that three responses form a cycle.
The distance d of a ballot is a sum of such columns. Its square is a column e that lies on or above the line
through (v, v^2) and (v + 1, (v + 1)^2) for each whole number v: at whole distances that is d^2.
"""

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from rlchf.rules._parts.squared_kemeny.orders import signs
from rlchf.rules._parts.squared_kemeny.search import RankedBallots

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FINE = 1e7  # costs of more units than this are proved to a millionth


def better_order(
    ballots: RankedBallots, cost: float, seconds: float
) -> tuple[np.ndarray | None, float]:
    """Find an order that costs less than a known one, if there is any, and a lower bound on all costs.

    Returns
    -------
    order
        The best order known that costs less, or None.
    bound
        A lower bound on the cost of all orders.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array, csr_array, eye_array, hstack

    M, K = len(ballots.ranks), len(ballots.votes)
    unit = float(np.gcd.reduce(ballots.votes.astype(np.int64)))
    votes, target = ballots.votes / unit, cost / unit
    target = target - 0.5 if target <= FINE else target * (1 - 1e-6)
    vectors = signs(ballots.ranks)
    N, ranked = len(vectors), np.abs(vectors).sum(axis=0)
    width = N + 2 * K  # the columns x, then d, then e
    distance = hstack([csr_array(vectors.T.astype(float)), eye_array(K), csr_array((K, K))], "csr")
    first = (vectors > 0).sum(axis=0)
    k, v = np.nonzero(np.arange(N) < np.minimum(ranked, np.sqrt(target / votes) + 1)[:, None])
    rows = np.arange(len(k))
    slope = coo_array((-(2.0 * v + 1), (rows, N + k)), shape=(len(k), width))
    square = coo_array((np.ones(len(k)), (rows, N + K + k)), shape=(len(k), width))
    objective = np.concatenate([np.zeros(N + K), votes])
    solved = milp(
        objective,
        constraints=[
            LinearConstraint(_triples(M, width), 0, 1),
            LinearConstraint(distance, first, first),
            LinearConstraint((slope + square).tocsr(), -v * (v + 1.0), np.inf),
            LinearConstraint(objective[None], -np.inf, target),
        ],
        integrality=(np.arange(width) < N).astype(int),
        bounds=Bounds(np.zeros(width), np.concatenate([np.ones(N), ranked, ranked**2])),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    order = None
    if solved.x is not None:
        before = np.zeros((M, M))
        before[np.triu_indices(M, 1)] = 2 * solved.x[:N].round() - 1
        order = np.argsort(-(before - before.T).sum(axis=1), kind="stable")
    if solved.status in (0, 2):  # solved, or nothing costs less
        return order, cost if order is None else ballots.cost(order)
    bound = solved.mip_dual_bound
    return order, max(0.0, unit * bound) if bound is not None and np.isfinite(bound) else 0.0


def _triples(M: int, width: int) -> "csr_array":
    """Rows x[i, j] + x[j, k] - x[i, k] for all i < j < k, to lie between 0 and 1."""
    from scipy.sparse import coo_array

    columns = np.zeros((M, M), dtype=np.int64)
    columns[np.triu_indices(M, 1)] = np.arange(M * (M - 1) // 2)
    i, j, k = np.array(list(combinations(range(M), 3))).T
    rows = np.tile(np.arange(len(i)), 3)
    values = np.repeat([1.0, 1.0, -1.0], len(i))
    used = np.concatenate([columns[i, j], columns[j, k], columns[i, k]])
    return coo_array((values, (rows, used)), shape=(len(i), width)).tocsr()
