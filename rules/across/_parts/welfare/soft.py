"""Nash welfare over distributions of orders: the best mixture of points, and new points for it.

Frank-Wolfe, fully corrective: every round finds the best order of each prompt for the gradient, and
then the best mixture of all points found so far, which drops those that it does not need.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rlchf.rankings import Rankings
from rlchf.rules.across._parts.welfare import soft_steps as steps
from rlchf.rules.across._parts.welfare.ascent import Electorate, blocks, columns, electorate

MOST_POINTS = 64
"""Beyond this many points half of them, those of least weight, become one."""
Unit = Literal["contested_pair", "pair"]


@dataclass(frozen=True, eq=False)
class Soft:
    """A point and how good it is.

    Attributes
    ----------
    point
        (C,) the probability that i is above j, for the pairs i < j of each prompt.
    pairs
        (P + 1,) where each prompt's pairs begin.
    satisfaction
        (A,) of each annotator, expected.
    objective, gaps
        (rounds,) the Nash welfare less what the pull costs, and by how much any other point could be
        better at most, both after each round and divided by all weight.
    nash_gap
        By how much any point could have a larger Nash welfare, without the pull, divided by all
        weight. Proven for prompts of at most 10 responses; beyond, the best order is only searched for.
    """

    point: np.ndarray
    pairs: np.ndarray
    satisfaction: np.ndarray
    objective: np.ndarray
    gaps: np.ndarray
    nash_gap: float


class Dataset:
    """Everything that does not change between rounds."""

    def __init__(self, people: Electorate, pull: float) -> None:
        laid, self.weights = people.laid, people.weights
        sizes = laid.sizes
        self.prompts = np.arange(len(sizes))
        self.pairs = np.concatenate([[0], np.cumsum(sizes * (sizes - 1) // 2)])
        self.weights = self.weights / (float(self.weights.sum()) or 1.0)  # of all
        self.pull = pull / len(sizes)
        self.columns = (*columns(laid), laid.weights)
        self.rest = (people.shares, laid.annotators, people.unit, self.pairs)
        self.shares, self.start = np.empty(self.pairs[-1]), np.empty(self.pairs[-1])
        for block in blocks(self.prompts):
            steps.pooled_shares(block, *self.columns, self.pairs, self.shares, self.start)

    def satisfaction(self, point: np.ndarray) -> np.ndarray:
        """(A,) everybody's."""
        found = np.zeros(len(self.weights))
        for block in blocks(self.prompts):
            steps.satisfied(block, *self.columns, *self.rest, point, found)
        return found

    def best(self, worth: np.ndarray, towards: np.ndarray) -> np.ndarray:
        """(C,) the best order of each prompt."""
        point = np.empty(len(self.shares))
        for block in blocks(self.prompts):
            steps.best_point(block, *self.columns, *self.rest, worth, towards, point)
        return point


def soften(rankings: Rankings, unit: Unit, pull: float, gap: float, rounds: int) -> Soft:
    """Maximise the Nash welfare of expected satisfactions, less the pull to the ballots' own shares.

    Examples
    --------
    >>> ballots = [(p, i, "a > b" if i < 3 else "b > a") for p in range(5) for i in range(5)]
    >>> soften(Rankings.from_ballots(ballots), "pair", 1e-4, 1e-9, 100).point.round(9)
    array([0.6, 0.6, 0.6, 0.6, 0.6])
    """
    data = Dataset(electorate(rankings, unit), pull)
    points, satisfactions = [data.start], [data.satisfaction(data.start)]
    counts = (data.weights > 0) & (
        satisfactions[0] > 0
    )  # who has anything to gain has some from there
    gram = np.array([[data.start @ data.start]])
    linear = np.array([data.start @ data.shares])
    q, objective, gaps = np.ones(1), [], []
    while True:
        z = np.array(satisfactions)[:, counts].T  # (A, K)
        q = mixture(z, data.weights[counts], data.pull, gram, linear, q)
        keep = np.flatnonzero(q > 0)
        points, satisfactions = [points[k] for k in keep], [satisfactions[k] for k in keep]
        gram, linear, q = gram[np.ix_(keep, keep)], linear[keep], q[keep]
        point = np.zeros(len(data.shares))
        for part, one in zip(q, points, strict=True):
            point += part * one
        got = q @ np.array(satisfactions)
        worth = np.divide(data.weights, got, out=np.zeros_like(got), where=counts)
        towards = -data.pull * (point - data.shares)
        new = data.best(worth, towards)
        new_got = data.satisfaction(new)
        gaps.append(float(worth @ (new_got - got) + towards @ (new - point)))
        far = float(np.square(point - data.shares).sum())
        welfare = float(data.weights[counts] @ np.log(got[counts]))
        objective.append(welfare - data.pull / 2 * far)
        if gaps[-1] <= gap or len(gaps) >= rounds:
            break
        if len(points) >= MOST_POINTS:
            points, satisfactions, q = _merged(points, satisfactions, q)
            gram = np.array([[one @ other for other in points] for one in points], dtype=float)
            linear = np.array([one @ data.shares for one in points])
        column = np.array([one @ new for one in points])
        gram = np.block([[gram, column[:, None]], [column[None], np.array([[new @ new]])]])
        linear, q = np.append(linear, new @ data.shares), np.append(q, 0.0)
        points.append(new)
        satisfactions.append(new_got)
    ideal = data.best(worth, np.zeros_like(towards))
    nash_gap = float(worth @ (data.satisfaction(ideal) - got))
    return Soft(point, data.pairs, got, np.array(objective), np.array(gaps), max(nash_gap, 0.0))


def mixture(
    z: np.ndarray, w: np.ndarray, pull: float, gram: np.ndarray, linear: np.ndarray, q: np.ndarray
) -> np.ndarray:
    """(K,) the mixture of points with the largest w log(z q) - pull / 2 (q gram q - 2 linear q).

    The weights w sum to 1. Newton's method on the mixtures of the points in use; a point whose part
    falls to 0 goes out of use.

    Examples
    --------
    >>> z, nothing = np.eye(2), np.zeros((2, 2))
    >>> mixture(z, np.array([0.6, 0.4]), 0.0, nothing, np.zeros(2), np.array([0.5, 0.5])).round(9)
    array([0.6, 0.4])
    """

    def value(parts: np.ndarray) -> float:
        got = z @ parts
        if (got <= 0).any():
            return -np.inf
        return float(w @ np.log(got) - pull * (parts @ gram @ parts / 2 - linear @ parts))

    q = q.copy()
    use = np.arange(len(q))
    for _ in range(300 if len(q) > 1 else 0):
        got = z @ q
        gradient = (z.T @ (w / got) - pull * (gram @ q - linear))[use]
        scaled = z[:, use] * (np.sqrt(w) / got)[:, None]
        K = len(use)
        system = np.zeros((K + 1, K + 1))
        system[:K, :K] = scaled.T @ scaled + pull * gram[np.ix_(use, use)]
        system[K, :K] = system[:K, K] = 1.0
        step = np.linalg.lstsq(system, np.append(gradient, 0.0), rcond=1e-14)[0][:K]
        rise = float((gradient - gradient.mean()) @ step)
        if rise <= 1e-22:
            break
        falls = step < 0
        far = np.full(K, np.inf)
        far[falls] = -q[use][falls] / step[falls]
        length = min(1.0, float(far.min()))
        hit = length == float(far.min())
        before = value(q)
        while True:
            trial = q.copy()
            trial[use] += length * step
            if hit:
                trial[use[int(np.argmin(far))]] = 0.0
            enough = before + 1e-4 * length * rise - 1e-15 * (1 + abs(before))
            stuck = not hit and length < 1e-6
            if value(trial) >= enough or stuck:
                break
            length, hit = length / 2, False
        q = np.maximum(trial, 0.0)
        q /= q.sum()
        use = np.flatnonzero(q > 0)
        if (not hit and rise <= 1e-11) or stuck:
            break  # Newton's last step squares what is missing
    return q


def _merged(
    points: list[np.ndarray], satisfactions: list[np.ndarray], q: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """The half of the points that weighs least as one point."""
    order = np.argsort(q, kind="stable")
    few, rest = order[: len(q) // 2], sorted(order[len(q) // 2 :])
    part = q[few] / q[few].sum()
    point, got = np.zeros_like(points[0]), np.zeros_like(satisfactions[0])
    for k, share in zip(few, part, strict=True):
        point += share * points[k]
        got += share * satisfactions[k]
    return (
        [point, *(points[k] for k in rest)],
        [got, *(satisfactions[k] for k in rest)],
        np.array([q[few].sum(), *q[rest]]),
    )
