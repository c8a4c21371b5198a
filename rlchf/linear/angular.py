"""The angular mean of annotators' linear rewards."""

import numpy as np

STARTS = 32
"""Number of directions, those of largest weight, from which the search starts besides the mean."""
FIRST_STEPS = 50
"""Maximum number of steps from every start."""
STEPS = 5000
"""Maximum number of further steps from the best end point."""
TOLERANCE = 1e-10
"""The search stops after a step smaller than this, in radians."""
OPPOSITE = 1e-7
"""Directions this close to being opposite, in radians, count as opposite."""


def angular_mean(directions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The mean of directions on the sphere with the least weighted sum of squared angles (Karcher mean).

    Suppose that annotator i has the part a_i of the weight and ranks by ``directions[i] @ x``. A ranking
    by the mean m agrees with i on the share ``agreement(directions[i], m)`` of random pairs, which is at
    least a_i: the minority has its share in the long run. The arithmetic mean does not guarantee this.

    Each step goes to ``exp_m(v)`` with ``v = sum_i a_i log_m(directions[i])``. A step never increases the
    sum, but the search can end in a local minimum: the best of several starts is returned. Two opposite
    directions have many shortest paths between them; one of these is chosen.

    Parameters
    ----------
    directions
        (n, d) one vector per annotator, of any positive length.
    weights
        (n,) at least 0; equal by default.

    Returns
    -------
    (d,) a vector of length 1.

    References
    ----------
    C. Baharav, N. Boehmer, B. Flanigan, M. T. Wittmann, "The end justifies the mean: a linear ranking
    rule for proportional sequential decisions", 2026.

    Examples
    --------
    60 % of the weight is on the first axis and 40 % on the second, 90 degrees away: the mean is at 36.

    >>> mean = angular_mean(np.eye(2), np.array([0.6, 0.4]))
    >>> float(np.degrees(np.arctan2(mean[1], mean[0])).round(6))
    36.0
    >>> agreement(np.eye(2), mean).round(6)
    array([0.8, 0.7])
    """
    units, parts = _checked(np.asarray(directions, dtype=np.float64), weights)
    starts = units[np.argsort(-parts, kind="stable")[:STARTS]]
    mean = parts @ units
    length = float(np.linalg.norm(mean))
    if length > OPPOSITE:
        starts = np.concatenate([mean[None] / length, starts])
    ends = _descend(starts, units, parts, FIRST_STEPS)
    costs = np.arccos(np.clip(ends @ units.T, -1, 1)) ** 2 @ parts
    best = int(np.flatnonzero(costs <= costs.min() + 1e-9)[0])
    direction: np.ndarray = _descend(ends[best : best + 1], units, parts, STEPS)[0]
    return direction


def agreement(directions: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Share of random pairs that two linear rewards put in the same order: 1 - angle / π.

    The differences between the features of a pair are random without a preferred direction.
    ``directions`` has the shape (n, d) or (d,), ``other`` (d,).

    Examples
    --------
    >>> agreement(np.array([[2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), np.array([1.0, 0.0]))
    array([1. , 0.5, 0. ])
    """
    units = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    unit = other / np.linalg.norm(other)
    # Kahan's formula is accurate for small and large angles.
    difference, total = (np.linalg.norm(x, axis=-1) for x in (units - unit, units + unit))
    return np.asarray(1 - 2 * np.arctan2(difference, total) / np.pi)


def _checked(directions: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The directions with length 1 and the weights with sum 1, without those of weight 0."""
    if directions.ndim != 2 or len(directions) == 0 or directions.shape[1] < 2:
        raise ValueError(
            f"the directions have shape {directions.shape}; give (annotators, d) with d of 2 or more"
        )
    w = np.ones(len(directions)) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != (len(directions),):
        raise ValueError(f"there are {len(directions)} directions, and weights of shape {w.shape}")
    if not (np.isfinite(w) & (w >= 0)).all() or not w.any():
        raise ValueError("the weights must be finite, 0 or more, and not all 0")
    lengths = np.linalg.norm(directions, axis=1)
    bad = np.flatnonzero((w > 0) & ~((lengths > 0) & np.isfinite(lengths)))
    if len(bad):
        raise ValueError(
            f"direction {bad[0]} is {directions[bad[0]].tolist()}, which has no direction; leave it out"
        )
    kept = w > 0
    return directions[kept] / lengths[kept, None], w[kept] / w.sum()


def _descend(points: np.ndarray, units: np.ndarray, parts: np.ndarray, steps: int) -> np.ndarray:
    """Descend from unit vectors, (S, d), until the weighted logarithms add up to 0."""
    for _ in range(steps):
        v = _mean_logarithm(points, units, parts)
        size = np.linalg.norm(v, axis=1, keepdims=True)
        if (size < TOLERANCE).all():
            break
        points = np.cos(size) * points + np.sinc(size / np.pi) * v  # sinc(x / π) is sin(x) / x
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
    return points


def _mean_logarithm(points: np.ndarray, units: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(S, d) the weighted sum of the tangents at the points towards the units, each as long as the angle."""
    cosines = np.clip(points @ units.T, -1, 1)  # (S, n)
    angles = np.arccos(cosines)
    opposite = angles > np.pi - OPPOSITE
    # log(u) = angle / sin(angle) * (u - cos(angle) * point)
    pulls = np.where(opposite, 0.0, parts / np.sinc(angles / np.pi))
    v = pulls @ units - np.sum(pulls * cosines, axis=1, keepdims=True) * points
    if opposite.any():
        # Every tangent leads to the opposite: take the one towards the farthest axis.
        axes = np.eye(points.shape[1])[np.argmin(np.abs(points), axis=1)]
        axes -= np.sum(axes * points, axis=1, keepdims=True) * points
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        v += np.pi * (opposite @ parts)[:, None] * axes
    tangents: np.ndarray = v - np.sum(v * points, axis=1, keepdims=True) * points
    return tangents
