"""Slow textbook definitions of the probabilistic rules; see `tests.oracles.textbook`.

The numbers from which the rules draw are the package's own (`rlchf.numeric.arrays.uniform`): they are
the source of chance, and no part of a rule.
"""

from fractions import Fraction
from itertools import combinations

import numpy as np

from rlchf.numeric.arrays import uniform
from tests.oracles.textbook import Ballots, Blocks, borda, margin_table

Vector = list[Fraction]


def dot(a: Vector, b: Vector) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def kernel(rows: list[Vector], n: int) -> list[Vector]:
    """A basis of the vectors of length n that every row maps to 0 (Gauss and Jordan)."""
    rows = [list(row) for row in rows]
    pivots: list[int] = []
    for column in range(n):
        step = len(pivots)
        pivot = next((r for r in range(step, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[step], rows[pivot] = rows[pivot], rows[step]
        rows[step] = [x / rows[step][column] for x in rows[step]]
        for r in range(len(rows)):
            if r != step and rows[r][column]:
                factor = rows[r][column]
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[step], strict=True)]
        pivots.append(column)
    basis = []
    for free in sorted(set(range(n)) - set(pivots)):
        vector = [Fraction(int(i == free)) for i in range(n)]
        for row, column in zip(rows, pivots, strict=False):
            vector[column] = -row[free]
        basis.append(vector)
    return basis


def projection_of_ones(basis: list[Vector], n: int) -> Vector:
    """The point of the span of the basis that is closest to (1, ..., 1) (Gram and Schmidt)."""
    point, orthogonal = [Fraction(0)] * n, list[Vector]()
    for vector in basis:
        for other in orthogonal:
            factor = dot(vector, other) / dot(other, other)
            vector = [x - factor * y for x, y in zip(vector, other, strict=True)]
        orthogonal.append(vector)
        factor = sum(vector, Fraction(0)) / dot(vector, vector)
        point = [x + factor * y for x, y in zip(point, vector, strict=True)]
    return point


def is_maximal(lottery: Vector, margins: list[Vector]) -> bool:
    """Whether it is a lottery, and no response has a positive expected margin against it."""
    chances = sum(lottery, Fraction(0)) == 1 and min(lottery) >= 0
    return chances and all(dot(row, lottery) <= 0 for row in margins)


def maximal_lottery(ballots: Ballots, m: int) -> list[Fraction]:
    """Of the maximal lotteries the one with the least sum of squares.

    It has the least squares on its face: all lotteries with its support S, and with an expected
    margin of 0 against the responses of S and the same others T. So try all S and T.
    """
    margins, everyone = margin_table(ballots, m), range(m)
    lotteries: list[Vector] = []
    for support in (set_ for n in range(1, m + 1) for set_ in combinations(everyone, n)):
        others = [i for i in everyone if i not in support]
        inner = [[margins[i][j] for j in support] for i in support]
        free = len(kernel(inner, len(support)))
        for n in range(len(others) + 1 if free > 1 else free):
            for tight in combinations(others, n):
                rows = inner + [[margins[i][j] for j in support] for i in tight]
                point = projection_of_ones(kernel(rows, len(support)), len(support))
                total = sum(point, Fraction(0))
                if total == 0:
                    continue
                lottery = [Fraction(0)] * m
                for i, x in zip(support, point, strict=True):
                    lottery[i] = x / total
                if is_maximal(lottery, margins):
                    lotteries.append(lottery)
    return min(lotteries, key=lambda lottery: dot(lottery, lottery))


def proportional_borda(ballots: Ballots, m: int) -> list[Fraction]:
    points = borda(ballots, m)
    total = sum(points, Fraction(0))
    return [x / total if total else Fraction(1, m) for x in points]


def drawn(ballots: Ballots, chance: float) -> dict[int, int]:
    """The ranks on the ballot at this share of the weight, counted from the first ballot."""
    mark, passed = Fraction(chance) * sum(w for _, w in ballots), Fraction(0)
    for ranks, weight in ballots:
        passed += weight
        if passed > mark:
            return ranks
    raise AssertionError("chance is less than 1 and there is weight")


def random_dictator(ballots: Ballots, m: int, seed: int = 0, prompt: int = 0) -> Blocks:
    """The ballot drawn; the responses that it does not rank come last."""
    if not any(weight for _, weight in ballots):
        return [list(range(m))]
    ranks = drawn(ballots, uniform(seed, np.array([prompt]), 1)[0, 0])
    levels = [[i for i in ranks if ranks[i] == k] for k in sorted(set(ranks.values()))]
    rest = [i for i in range(m) if i not in ranks]
    return [sorted(level) for level in levels] + ([rest] if rest else [])


def random_ballot(ballots: Ballots, m: int, seed: int = 0, prompt: int = 0) -> Blocks:
    """Draw a ballot that ranks a remaining response, place the best of them, and repeat."""
    result: Blocks = []
    remaining = set(range(m))
    for chance in uniform(seed, np.array([prompt]), m)[0]:
        able = [(ranks, weight) for ranks, weight in ballots if remaining & set(ranks) and weight]
        if not able:
            break
        ranks = drawn(able, chance)
        best = min(ranks[i] for i in remaining & set(ranks))
        result.append(sorted(i for i in remaining & set(ranks) if ranks[i] == best))
        remaining -= set(result[-1])
    return result + ([sorted(remaining)] if remaining else [])
