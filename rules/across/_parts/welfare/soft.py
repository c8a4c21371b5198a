"""Nash welfare over distributions of orders, maximised by the fully corrective Frank-Wolfe method.

Every round finds the best order of each prompt for the gradient, and then the best mixture of all points so
far; points of weight 0 are dropped.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rlchf.rankings import Rankings
from rlchf.rules.across._parts.welfare import soft_steps as steps
from rlchf.rules.across._parts.welfare.stakes import Stakes, find_stakes, parts

MOST_POINTS = 64
"""From this number of points on, the half with the least weight is merged into one."""
Unit = Literal["contested_pair", "graded_pair", "pair"]


@dataclass(frozen=True, eq=False)
class Soft:
    """A point, its welfare, and bounds on the optimum.

    Attributes
    ----------
    point
        (C,) the probability that i is above j, for the pairs i < j of each prompt.
    pairs
        (P + 1,) where each prompt's pairs begin.
    satisfaction
        (A,) the expected satisfaction of each annotator.
    objective, gaps
        (rounds,) the Nash welfare minus the penalty, and an upper bound on the improvement by any other
        point, both after each round and divided by the total weight.
    nash_gap
        An upper bound on the improvement of the Nash welfare, without the penalty, by any point, divided by
        the total weight. It holds for prompts of at most 10 responses; beyond, the best order is not exact.
    """

    point: np.ndarray
    pairs: np.ndarray
    satisfaction: np.ndarray
    objective: np.ndarray
    gaps: np.ndarray
    nash_gap: float


class Problem:
    """The data that do not change between rounds.

    Attributes
    ----------
    weights
        (A,) of the annotators; they add up to 1.
    shares, start
        (C,) the ballots' shares, towards which the penalty pulls, and the first point.
    """

    def __init__(self, stakes: Stakes, pull: float) -> None:
        sizes = stakes.block.sizes
        self.stakes, self.prompts = stakes, np.arange(len(sizes))
        self.pairs = np.concatenate([[0], np.cumsum(sizes * (sizes - 1) // 2)])
        self.weights = stakes.weights / (float(stakes.weights.sum()) or 1.0)
        self.pull = pull / len(sizes)
        self.shares, self.start = np.empty(self.pairs[-1]), np.empty(self.pairs[-1])
        for part in parts(self.prompts):
            steps.fill_pooled_shares(part, stakes.block, self.pairs, self.shares, self.start)

    def satisfaction(self, point: np.ndarray) -> np.ndarray:
        """(A,) the expected satisfaction of each annotator."""
        satisfaction = np.zeros(len(self.weights))
        for part in parts(self.prompts):
            steps.add_satisfaction(part, self.stakes, self.pairs, point, satisfaction)
        return satisfaction

    def best(self, values: np.ndarray, pair_values: np.ndarray) -> np.ndarray:
        """(C,) the best order of each prompt for a linear objective; see `fill_best_point`."""
        point = np.empty(len(self.shares))
        for part in parts(self.prompts):
            steps.fill_best_point(part, self.stakes, self.pairs, values, pair_values, point)
        return point


def soften(rankings: Rankings, unit: Unit, pull: float, gap: float, rounds: int) -> Soft:
    """Maximise the Nash welfare of expected satisfactions minus the penalty for leaving the ballots' shares.

    Examples
    --------
    >>> ballots = [(p, i, "a > b" if i < 3 else "b > a") for p in range(5) for i in range(5)]
    >>> soften(Rankings.from_ballots(ballots), "pair", 1e-4, 1e-9, 100).point.round(9)
    array([0.6, 0.6, 0.6, 0.6, 0.6])
    """
    problem = Problem(find_stakes(rankings, unit), pull)
    shares = problem.shares
    points, satisfactions = [problem.start], [problem.satisfaction(problem.start)]
    # Every annotator who can be satisfied has some satisfaction at the start.
    counts = (problem.weights > 0) & (satisfactions[0] > 0)
    gram = np.array([[problem.start @ problem.start]])
    linear = np.array([problem.start @ shares])
    q, objective, gaps = np.ones(1), [], []
    while True:
        z = np.array(satisfactions)[:, counts].T  # (A, K)
        q = mixture(z, problem.weights[counts], problem.pull, gram, linear, q)
        keep = np.flatnonzero(q > 0)
        points, satisfactions = [points[k] for k in keep], [satisfactions[k] for k in keep]
        gram, linear, q = gram[np.ix_(keep, keep)], linear[keep], q[keep]
        point = np.zeros(len(shares))
        for part, one in zip(q, points, strict=True):
            point += part * one
        satisfaction = q @ np.array(satisfactions)
        values = np.divide(
            problem.weights, satisfaction, out=np.zeros_like(satisfaction), where=counts
        )
        pair_values = -problem.pull * (point - shares)
        new = problem.best(values, pair_values)
        new_satisfaction = problem.satisfaction(new)
        gaps.append(float(values @ (new_satisfaction - satisfaction) + pair_values @ (new - point)))
        distance = float(np.square(point - shares).sum())
        welfare = float(problem.weights[counts] @ np.log(satisfaction[counts]))
        objective.append(welfare - problem.pull / 2 * distance)
        if gaps[-1] <= gap or len(gaps) >= rounds:
            break
        if len(points) >= MOST_POINTS:
            points, satisfactions, q = _merged(points, satisfactions, q)
            gram = np.array([[one @ other for other in points] for one in points], dtype=float)
            linear = np.array([one @ shares for one in points])
        column = np.array([one @ new for one in points])
        gram = np.block([[gram, column[:, None]], [column[None], np.array([[new @ new]])]])
        linear, q = np.append(linear, new @ shares), np.append(q, 0.0)
        points.append(new)
        satisfactions.append(new_satisfaction)
    ideal = problem.best(values, np.zeros_like(pair_values))
    nash_gap = float(values @ (problem.satisfaction(ideal) - satisfaction))
    return Soft(
        point, problem.pairs, satisfaction, np.array(objective), np.array(gaps), max(nash_gap, 0.0)
    )


def mixture(
    z: np.ndarray, w: np.ndarray, pull: float, gram: np.ndarray, linear: np.ndarray, q: np.ndarray
) -> np.ndarray:
    """(K,) the mixture of points with the largest w log(z q) - pull / 2 (q gram q - 2 linear q).

    The weights w sum to 1. This is Newton's method on the mixtures of the points in use; a point is no
    longer used once its part is 0.

    Examples
    --------
    >>> z, nothing = np.eye(2), np.zeros((2, 2))
    >>> mixture(z, np.array([0.6, 0.4]), 0.0, nothing, np.zeros(2), np.array([0.5, 0.5])).round(9)
    array([0.6, 0.4])
    """

    def value(q: np.ndarray) -> float:
        satisfaction = z @ q
        if (satisfaction <= 0).any():
            return -np.inf
        return float(w @ np.log(satisfaction) - pull * (q @ gram @ q / 2 - linear @ q))

    q = q.copy()
    use = np.arange(len(q))
    for _ in range(300 if len(q) > 1 else 0):
        satisfaction = z @ q
        gradient = (z.T @ (w / satisfaction) - pull * (gram @ q - linear))[use]
        scaled = z[:, use] * (np.sqrt(w) / satisfaction)[:, None]
        K = len(use)
        system = np.zeros((K + 1, K + 1))
        system[:K, :K] = scaled.T @ scaled + pull * gram[np.ix_(use, use)]
        system[K, :K] = system[:K, K] = 1.0
        step = np.linalg.lstsq(system, np.append(gradient, 0.0), rcond=1e-14)[0][:K]
        rise = float((gradient - gradient.mean()) @ step)
        if rise <= 1e-22:
            break
        falls = step < 0
        reach = np.full(K, np.inf)  # the length of step at which a part becomes 0
        reach[falls] = -q[use][falls] / step[falls]
        length = min(1.0, float(reach.min()))
        hit = length == float(reach.min())
        before = value(q)
        while True:
            trial = q.copy()
            trial[use] += length * step
            if hit:
                trial[use[int(np.argmin(reach))]] = 0.0
            enough = before + 1e-4 * length * rise - 1e-15 * (1 + abs(before))
            stuck = not hit and length < 1e-6
            if value(trial) >= enough or stuck:
                break
            length, hit = length / 2, False
        q = np.maximum(trial, 0.0)
        q /= q.sum()
        use = np.flatnonzero(q > 0)
        if (not hit and rise <= 1e-11) or stuck:
            break  # Newton's last step squares the error
    return q


def _merged(
    points: list[np.ndarray], satisfactions: list[np.ndarray], q: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Merge the half of the points with the least weight into one point."""
    order = np.argsort(q, kind="stable")
    merged, rest = order[: len(q) // 2], sorted(order[len(q) // 2 :])
    point, satisfaction = np.zeros_like(points[0]), np.zeros_like(satisfactions[0])
    for k, part in zip(merged, q[merged] / q[merged].sum(), strict=True):
        point += part * points[k]
        satisfaction += part * satisfactions[k]
    return (
        [point, *(points[k] for k in rest)],
        [satisfaction, *(satisfactions[k] for k in rest)],
        np.array([q[merged].sum(), *q[rest]]),
    )
