"""The maximal lottery closest to the uniform lottery, in whole numbers, from margins as numpy arrays."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain, combinations
from math import gcd

import numpy as np

from rlchf.numeric.integer_weights import LARGEST

MOST = 7
"""Up to this number of responses, all sets are tried as supports, for all prompts together."""


def supported(margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find maximal lotteries that prove their own support.

    Suppose that a lottery is positive on a set S of responses, and that against it each response of S has
    an expected margin of 0 and each other response a negative one. Then the support of every maximal
    lottery is within S. So the maximal lotteries are those in the kernel of the margins within S, and the
    one closest to the uniform lottery is the projection of (1, ..., 1) to that kernel, if it is of this
    kind, too.

    Parameters
    ----------
    margins
        (k, k, B) whole numbers.

    Returns
    -------
    (k, B) lotteries, and (B,) whether one was found.
    """
    k, _, B = margins.shape
    lotteries, is_found = np.zeros((k, B)), np.zeros(B, dtype=bool)
    squares = (margins * margins).sum(axis=(0, 1))  # twice the bound of each coefficient below
    largest = np.abs(margins).max(axis=(0, 1), initial=0.0)
    todo = np.flatnonzero(squares ** (k // 2) * k * np.maximum(largest, 1.0) < LARGEST)
    margins = margins[:, :, todo]
    odd_first = chain(range(3, k + 1, 2), range(2, k + 1, 2))
    for support in (set_ for size in odd_first for set_ in combinations(range(k), size)):
        if not len(todo):
            break
        inside = np.array(support)
        outside = np.setdiff1d(np.arange(k), inside)
        chances = _kernel(margins[inside[:, None], inside])
        good = (chances > 0).all(axis=0)
        if not good.any():
            continue
        expected = (margins[outside[:, None], inside] * chances).sum(axis=1)
        good &= (expected < 0).all(axis=0)
        lotteries[inside[:, None], todo[good]] = chances[:, good] / chances[:, good].sum(axis=0)
        is_found[todo[good]] = True
        todo, margins = todo[~good], margins[:, :, ~good]
    return lotteries, is_found


def _kernel(margins: np.ndarray) -> np.ndarray:
    """A whole multiple of the projection of (1, ..., 1) to the kernel of (k, k, B) margins, (k, B).

    By Cayley and Hamilton: let q be the polynomial whose roots are the nonzero eigenvalues of the
    squared margins (they are negative and come in pairs). Then q(margins²) is q(0) > 0 on the
    kernel, and 0 on its complement. The coefficients follow from traces by Newton's identities.
    """
    k = len(margins)
    sums: list[np.ndarray] = []  # power sums of the roots
    coefficients: list[np.ndarray] = []  # elementary symmetric polynomials, with signs
    vector = chances = np.ones((k, margins.shape[2]))
    power = margins
    for n in range(1, k // 2 + 1):
        sums.append((power * power).sum(axis=(0, 1)) * (-1) ** n / 2)
        mixed = [c * s for c, s in zip(coefficients, reversed(sums[:-1]), strict=True)]
        coefficients.append(-sum(mixed, sums[-1]) / n)
        vector = _times(margins, _times(margins, vector)) + coefficients[-1]
        chances = np.where(coefficients[-1] != 0, vector, chances)
        if n < k // 2:
            power = np.stack([_times(margins, column) for column in power.swapaxes(0, 1)], axis=1)
    return chances


def _times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """(k, k, B) by (k, B)."""
    product: np.ndarray = (matrix * vector).sum(axis=1)
    return product


def closest(margins: np.ndarray) -> list[float]:
    """The maximal lottery closest to the uniform lottery, for the (k, k) margins of one prompt, exactly.

    It is proportional to the projection of (1, ..., 1) to the cone of all p >= 0 against which no
    response has a positive expected margin. The projection is (1, ..., 1) plus the combination, with
    weights x >= 0, of the unit vectors and the columns of the margins that makes the sum shortest. Lawson
    and Hanson's method for non-negative least squares finds x, starting from a solution in floats.
    """
    rows = [[int(x) for x in row] for row in margins.tolist()]
    part = gcd(*chain(*rows)) or 1
    rows = [[x // part for x in row] for row in rows]
    k, weights = len(rows), dict[int, Fraction]()
    point = [1] * k
    used = _guess(np.array(rows, dtype=np.float64))
    tried = _shortest(rows, used)
    if tried is not None and min(tried[0].values(), default=Fraction(1)) > 0:
        weights, point = tried
    while True:
        slopes = point + [
            sum(x * p for x, p in zip(c, point, strict=True)) for c in zip(*rows, strict=True)
        ]
        worst = min(range(2 * k), key=slopes.__getitem__)
        if slopes[worst] >= 0:
            total = sum(point)
            return [x / total for x in point]
        weights[worst] = Fraction(0)
        while True:
            tried = _shortest(rows, weights)
            assert tried is not None, "the used columns are independent"
            goal, point = tried
            low = [c for c in goal if goal[c] <= 0]
            if not low:
                weights = goal
                break
            step = min(weights[c] / (weights[c] - goal[c]) for c in low)
            weights = {c: w + step * (goal[c] - w) for c, w in weights.items()}
            weights = {c: w for c, w in weights.items() if w > 0}


def _guess(margins: np.ndarray) -> list[int]:
    """The columns with positive weights in the solution in floats."""
    from scipy.optimize import nnls

    k = len(margins)
    scale = np.abs(margins).max(initial=1.0)
    try:
        weights, _ = nnls(np.hstack([np.eye(k), margins / scale]), -np.ones(k))
    except RuntimeError:  # no convergence
        return []
    return [int(c) for c in np.flatnonzero(weights > 1e-9)]


def _shortest(
    rows: list[list[int]], used: Iterable[int]
) -> tuple[dict[int, Fraction], list[int]] | None:
    """The weights of the used columns that make (1, ..., 1) plus their sum shortest, and a multiple of it.

    Column c is a unit vector for c < k, and column c - k of the margins otherwise. None if the columns are
    not independent.
    """
    k = len(rows)
    columns = [c - k for c in used if c >= k]
    fixed = [c for c in used if c < k]  # a used unit vector makes its entry of the sum 0
    free = [i for i in range(k) if i not in set(fixed)]
    inner = [[rows[i][j] for i in free] for j in columns]
    gram = [[sum(map(int.__mul__, a, b)) for b in inner] + [-sum(a)] for a in inner]
    solved = _solve(gram)
    if solved is None:
        return None
    numerators, scale = solved
    terms = list(zip(columns, numerators, strict=True))
    total = [scale + sum(rows[i][j] * y for j, y in terms) for i in range(k)]
    weights = {i: Fraction(-total[i], scale) for i in fixed}
    weights |= {k + j: Fraction(y, scale) for j, y in terms}
    return weights, [0 if i in weights else total[i] for i in range(k)]


def _solve(system: list[list[int]]) -> tuple[list[int], int] | None:
    """Solve n equations with a positive definite matrix, right sides last, without fractions (Bareiss).

    Returns numerators and their positive common denominator, or None if there is no single solution.
    """
    n, last = len(system), 1
    for step in range(n):
        pivot = system[step][step]
        if pivot <= 0:
            return None
        for i, row in enumerate(system):
            if i != step:
                factor = row[step]
                system[i] = [
                    (pivot * x - factor * y) // last for x, y in zip(row, system[step], strict=True)
                ]
        last = pivot
    return [row[n] for row in system], last
