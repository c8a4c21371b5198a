"""Raking by the book: a table that is fitted cell by cell, and the dual of the entropy problem."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize

Rows = Sequence[Mapping[str, str]]
Shares = Mapping[str, Mapping[str, float]]


def fitted_by_hand(
    rows: Rows, base: Sequence[float], population: Shares, rounds: int = 2000
) -> list[float]:
    """Each person's weight, multiplied by what its category lacks, column after column."""
    weights = list(base)
    total = sum(base)
    for _ in range(rounds):
        for column, shares in population.items():
            for category, share in shares.items():
                members = [i for i, row in enumerate(rows) if row[column] == category]
                has = sum(weights[i] for i in members)
                for i in members:
                    weights[i] *= share * total / has if has else 0.0
    return weights


def by_the_dual(
    rows: Rows, base: Sequence[float], population: Shares, largest: float = np.inf
) -> np.ndarray:
    """The weights nearest to the base in relative entropy, by a multiplier for each category.

    The least of sum w log(w / d) - w with the margins T w = t and w <= u has w = min(d exp(T' y), u) with
    the y that maximises y't - sum g(T' y), where g is the integral of w.
    """
    d = np.array(base)
    total, u = d.sum(), largest * d.sum() / np.count_nonzero(d)
    pairs = [(column, category) for column, shares in population.items() for category in shares]
    T = np.array([[row[column] == category for row in rows] for column, category in pairs], float)
    t = np.array([population[column][category] * total for column, category in pairs])

    def loss(y: np.ndarray) -> tuple[float, np.ndarray]:
        z = T.T @ y
        w = np.minimum(d * np.exp(z), u)
        beyond = np.where(d * np.exp(z) > u, z - np.log(u / d), 0.0) if np.isfinite(u) else 0.0 * z
        return float((w + u * beyond if np.isfinite(u) else w).sum() - y @ t), T @ w - t

    y = minimize(loss, np.zeros(len(t)), jac=True, options={"gtol": 1e-10, "maxiter": 10_000}).x
    return np.asarray(np.minimum(d * np.exp(T.T @ y), u))
