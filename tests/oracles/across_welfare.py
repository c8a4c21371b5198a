"""Slow textbook definitions of the rules that maximise a welfare over the dataset, in exact fractions."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import permutations, product
from math import prod

import numpy as np
from scipy.optimize import nnls

from tests.oracles.textbook import Ballots, support

Prompt = tuple[Ballots, Sequence[int], int]
"""Ballots, their annotators, and the number of responses."""
Order = tuple[int, ...]


def allowed_orders(ballots: Ballots, m: int) -> list[Order]:
    """All orders, by the responses' order, that put a above b where every ballot does."""
    voters = [ranks for ranks, weight in ballots if weight > 0]
    unanimous = [
        (i, j)
        for i in range(m)
        for j in range(m)
        if voters and all(i in p and j in p and p[i] < p[j] for p in voters)
    ]
    return [o for o in permutations(range(m)) if all(o.index(i) < o.index(j) for i, j in unanimous)]


def contested(ballots: Ballots, m: int) -> list[tuple[int, int]]:
    pairs = [(i, j) for i in range(m) for j in range(m) if i != j]
    return [(i, j) for i, j in pairs if support(ballots, i, j) > 0 and support(ballots, j, i) > 0]


def gain(ballots: Ballots, m: int, order: Order) -> list[Fraction]:
    """Each ballot's share of the contested pairs that the order ranks as it does."""
    counted = [(i, j) for i, j in contested(ballots, m) if order.index(i) < order.index(j)]
    return [
        Fraction(sum(i in p and j in p and p[i] < p[j] for i, j in counted), max(len(counted), 1))
        for p, _ in ballots
    ]


def agreement(ballots: Ballots, order: Order) -> Fraction:
    """The weight of the ballots that rank a pair as the order does, summed over the pairs."""
    return sum(
        (support(ballots, i, j) for a, i in enumerate(order) for j in order[a + 1 :]), Fraction(0)
    )


def annotator_weights(prompts: Iterable[Prompt]) -> dict[int, Fraction]:
    """The weight of all ballots of an annotator on a prompt, on average over those with contested pairs."""
    weights: dict[int, list[Fraction]] = {}
    for ballots, who, m in prompts:
        if contested(ballots, m):
            for annotator in sorted(set(who)):
                cast = zip(ballots, who, strict=True)
                cast_weight = sum((w for (_, w), a in cast if a == annotator), Fraction(0))
                weights.setdefault(annotator, []).extend([cast_weight] if cast_weight > 0 else [])
    return {a: sum(values, Fraction(0)) / len(values) for a, values in weights.items() if values}


def satisfactions(prompts: Sequence[Prompt], orders: Sequence[Order]) -> dict[int, Fraction]:
    """Sums over prompts, a ballot counting by its share of its annotator's weight."""
    weights = annotator_weights(prompts)
    sums = dict.fromkeys(weights, Fraction(0))
    for (ballots, who, m), order in zip(prompts, orders, strict=True):
        gains = zip(ballots, who, gain(ballots, m, order), strict=True)
        for (_, weight), annotator, gained in gains:
            if annotator in weights:
                sums[annotator] += weight / weights[annotator] * gained
    return sums


Welfare = Callable[[list[tuple[Fraction, Fraction]]], tuple[object, ...]]
"""From pairs of weight and satisfaction; twice each weight is a whole number."""


def nash_value(pairs: list[tuple[Fraction, Fraction]]) -> tuple[object, ...]:
    positive = [(w, s) for w, s in pairs if s > 0]
    return sum(w for w, _ in positive), prod(s ** int(2 * w) for w, s in positive)


def pav_value(pairs: list[tuple[Fraction, Fraction]]) -> tuple[object, ...]:
    """The harmonic number of s is the sum of s / (k (k + s)); its series is cut off and closed."""
    total = 0.0
    for w, s in pairs:
        k = np.arange(1, 4000)
        tail = float(s) / (4000 - 0.5) - float(s) * (1 + float(s)) / 2 / (4000 - 0.5) ** 2
        total += float(w) * (float((float(s) / (k * (k + float(s)))).sum()) + tail)
    return (round(total, 7),)


def optimum(prompts: Sequence[Prompt], welfare: Welfare) -> tuple[tuple[object, ...], list[Order]]:
    """The largest welfare of any orders; of those orders the most agreement, then the first."""
    weights = annotator_weights(prompts)
    best: tuple[tuple[object, ...], list[Order]] | None = None
    known: dict[tuple[Fraction, ...], tuple[object, ...]] = {}
    for orders in product(*(allowed_orders(ballots, m) for ballots, _, m in prompts)):
        sums = satisfactions(prompts, orders)
        key = tuple(sums.values())
        if key not in known:
            known[key] = welfare([(weights[a], s) for a, s in sums.items()])
        agreed = sum(agreement(p[0], o) for p, o in zip(prompts, orders, strict=True))
        value = (*known[key], agreed)
        if best is None or value > best[0]:
            best = value, list(orders)
    assert best is not None
    return best


def nash_welfare(ballots: Ballots, m: int) -> list[list[int]]:
    _, orders = optimum([(ballots, range(len(ballots)), m)], nash_value)
    return [[i] for i in orders[0]]


def pav_welfare(ballots: Ballots, m: int) -> list[list[int]]:
    _, orders = optimum([(ballots, range(len(ballots)), m)], pav_value)
    return [[i] for i in orders[0]]


def soft_nash(ballots: Ballots, m: int, pull: float = 1e-4) -> list[float]:
    """The expected number of responses below each, in the best mixture of the allowed orders.

    This is Newton's method; each step is a nonnegative least-squares problem, since the quadratic
    approximation of w log s at S is - w (s / S - 2)^2 / 2 plus a constant.
    """
    orders = allowed_orders(ballots, m)
    pairs = [(i, j) for i in range(m) for j in range(i + 1, m)]
    above = np.array([[o.index(i) < o.index(j) for o in orders] for i, j in pairs], dtype=float)
    shares = np.array([float(_share(ballots, i, j)) for i, j in pairs])
    stake = bool(contested(ballots, m))
    weights = np.array([float(w) for _, w in ballots]) if stake else np.zeros(len(ballots))
    total = sum(float(w) for _, w in ballots) or 1.0
    weights = weights / total
    gains = np.array([[float(g) for g in gain(ballots, m, o)] for o in orders]).T  # (V, orders)
    counts = (weights > 0) & (gains.max(axis=1) > 0)
    weights, gains = weights[counts], gains[counts]

    def value(q: np.ndarray) -> float:
        satisfaction = gains @ q
        if (satisfaction <= 0).any():
            return -np.inf
        return float(
            weights @ np.log(satisfaction) - pull / 2 * np.square(above @ q - shares).sum()
        )

    q = np.full(len(orders), 1 / len(orders))
    for _ in range(200):
        satisfaction = gains @ q
        rows = np.vstack(
            [
                np.sqrt(weights)[:, None] * (gains / satisfaction[:, None] - 2),
                np.sqrt(pull) * (above - shares[:, None]),
                np.ones((1, len(orders))),
            ]
        )
        target = np.zeros(len(rows))
        target[-1] = 1.0
        solution, _ = nnls(rows, target)
        step = solution / solution.sum() - q
        length = 1.0
        while value(q + length * step) < value(q) and length > 1e-9:
            length /= 2
        q = q + length * step
        if np.abs(above @ step).max() < 1e-11 or length <= 1e-9:
            break
    probabilities = above @ q
    scores = np.zeros(m)
    for (i, j), p in zip(pairs, probabilities, strict=True):
        scores[i] += p
        scores[j] += 1 - p
    return [float(s) for s in scores.round(6)]


def _share(ballots: Ballots, i: int, j: int) -> Fraction:
    """The share of the ballots that rank both that put i above j, ties half; half if there are none."""
    both = [(p, w) for p, w in ballots if i in p and j in p and w > 0]
    if not both:
        return Fraction(1, 2)
    parts = [w * (Fraction(1, 2) if p[i] == p[j] else Fraction(p[i] < p[j])) for p, w in both]
    return sum(parts, Fraction(0)) / sum((w for _, w in both), Fraction(0))
