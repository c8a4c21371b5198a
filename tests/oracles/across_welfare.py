"""Slow textbook definitions of the rules that maximise a welfare over the dataset, in exact fractions."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations, product
from math import prod

import numpy as np
from scipy.optimize import nnls

from tests.oracles.textbook import (
    Ballots,
    agreement,
    allowed_orders,
    contested_pairs,
    pair_costs,
    puts_above,
    support_table,
)

Prompt = tuple[Ballots, Sequence[int], int]
"""Ballots, their annotators, and the number of responses."""
Order = tuple[int, ...]


Costs = dict[tuple[int, int], Fraction]
"""How much each pair counts, in both directions."""


def ballot_gains(ballots: Ballots, costs: Costs, order: Order) -> list[Fraction]:
    """Each ballot's share of the pairs that the order ranks as it does, times the largest of them."""
    pairs = set(costs) & set(combinations(order, 2))
    divisor = sum((costs[pair] for pair in pairs), Fraction(0)) / max(costs.values(), default=1)
    return [
        Fraction(sum(costs[i, j] * puts_above(p, i, j) for i, j in pairs)) / (divisor or 1)
        for p, _ in ballots
    ]


def annotator_gains(
    prompt: Prompt, costs: Costs, order: Order, weights: dict[int, Fraction]
) -> dict[int, Fraction]:
    """The gains of an annotator's ballots, each counting by its share of the annotator's weight."""
    ballots, annotators, _ = prompt
    sums = dict.fromkeys(weights, Fraction(0))
    gains = ballot_gains(ballots, costs, order)
    for (_, weight), annotator, gain in zip(ballots, annotators, gains, strict=True):
        if annotator in weights:
            sums[annotator] += weight / weights[annotator] * gain
    return sums


def added(gains: Sequence[dict[int, Fraction]]) -> dict[int, Fraction]:
    return {a: sum((gain[a] for gain in gains), Fraction(0)) for a in gains[0]}


def annotator_weights(prompts: Iterable[Prompt]) -> dict[int, Fraction]:
    """The weight of all ballots of an annotator on a prompt, on average over those with contested pairs."""
    weights: dict[int, list[Fraction]] = {}
    for ballots, who, m in prompts:
        if contested_pairs(ballots, m):
            for annotator in sorted(set(who)):
                cast = zip(ballots, who, strict=True)
                cast_weight = sum((w for (_, w), a in cast if a == annotator), Fraction(0))
                weights.setdefault(annotator, []).extend([cast_weight] if cast_weight > 0 else [])
    return {a: sum(values, Fraction(0)) / len(values) for a, values in weights.items() if values}


def satisfactions(
    prompts: Sequence[Prompt], orders: Sequence[Order], unit: str = "graded_pair"
) -> dict[int, Fraction]:
    """Each annotator's gains, summed over the prompts."""
    weights = annotator_weights(prompts)
    return added(
        [
            annotator_gains(prompt, pair_costs(prompt[0], prompt[2], unit), order, weights)
            for prompt, order in zip(prompts, orders, strict=True)
        ]
    )


Welfare = Callable[[list[tuple[Fraction, Fraction]]], tuple[object, ...]]
"""From pairs of weight and satisfaction; twice each weight is a whole number."""


def nash_value(pairs: list[tuple[Fraction, Fraction]]) -> tuple[object, ...]:
    positive = [(w, s) for w, s in pairs if s > 0]
    return sum(w for w, _ in positive), prod(s ** int(2 * w) for w, s in positive)


def pav_value(pairs: list[tuple[Fraction, Fraction]]) -> tuple[object, ...]:
    return (round(sum(float(w) * harmonic(float(s)) for w, s in pairs), 7),)


@cache
def harmonic(s: float) -> float:
    """The sum of s / (k (k + s)) over k, cut off and closed."""
    k = np.arange(1, 4000)
    tail = s / (4000 - 0.5) - s * (1 + s) / 2 / (4000 - 0.5) ** 2
    return float((s / (k * (k + s))).sum()) + tail


def optimum(
    prompts: Sequence[Prompt], welfare: Welfare, unit: str = "graded_pair"
) -> tuple[tuple[object, ...], list[Order]]:
    """The largest welfare of any orders; of those orders the most agreement, then the first."""
    weights = annotator_weights(prompts)
    best: tuple[tuple[object, ...], list[Order]] | None = None
    known: dict[tuple[Fraction, ...], tuple[object, ...]] = {}
    choices = []
    for prompt in prompts:
        ballots, _, m = prompt
        costs, supports = pair_costs(ballots, m, unit), support_table(ballots, m)
        choices.append(
            [
                (
                    order,
                    annotator_gains(prompt, costs, order, weights),
                    agreement(supports, order),
                )
                for order in allowed_orders(ballots, m)
            ]
        )
    for chosen in product(*choices):
        orders, gains, agreements = zip(*chosen, strict=True)
        sums = added(gains)
        key = tuple(sums.values())
        if key not in known:
            known[key] = welfare([(weights[a], s) for a, s in sums.items()])
        value = (*known[key], sum(agreements))
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


def nearest_to_zero(rows: np.ndarray) -> np.ndarray:
    """The distribution q with the least length of rows @ q.

    The scale of the rows beside the sum of q changes nothing but where nonnegative least squares stops.
    """
    found = []
    for scale in (1.0, 30.0, 1000.0):
        system = np.vstack([scale * rows, np.ones((1, rows.shape[1]))])
        solution, _ = nnls(system, np.append(np.zeros(len(rows)), 1.0))
        found.append(solution / solution.sum())
    return min(found, key=lambda q: float(np.square(rows @ q).sum()))


def soft_nash(ballots: Ballots, m: int, pull: float = 1e-4) -> list[float]:
    """The expected number of responses below each, in the best mixture of the allowed orders.

    This is Newton's method; each step is a nonnegative least-squares problem, since the quadratic
    approximation of w log s at S is - w (s / S - 2)^2 / 2 plus a constant.
    """
    orders = allowed_orders(ballots, m)
    pairs = [(i, j) for i in range(m) for j in range(i + 1, m)]
    above = np.array([[o.index(i) < o.index(j) for o in orders] for i, j in pairs], dtype=float)
    shares = np.array([float(_share(ballots, i, j)) for i, j in pairs])
    costs = pair_costs(ballots, m, "graded_pair")
    weights = np.array([float(w) for _, w in ballots]) if costs else np.zeros(len(ballots))
    total = sum(float(w) for _, w in ballots) or 1.0
    weights = weights / total
    gains = np.array(
        [[float(g) for g in ballot_gains(ballots, costs, o)] for o in orders]
    ).T  # (V, orders)
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
            ]
        )
        step = nearest_to_zero(rows) - q
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
