"""The angular mean of annotators' linear rewards."""

import warnings

import numpy as np

STARTS = 32
"""Number of directions, those of largest weight, from which the search starts, and of random directions."""
FIRST_STEPS = 50
"""Maximum number of steps from every start."""
STEPS = 5000
"""Maximum number of further steps from the best end point."""
TOLERANCE = 1e-10
"""The search stops after a step smaller than this, in radians."""
OPPOSITE = 1e-7
"""Directions this close to being opposite, in radians, count as opposite."""
ROUNDING = 1e-7
"""Sums of squared angles whose ratio differs from 1 by less than this are equal."""
INSIDE = 1e-7
"""A direction is in a half-space if it is this far from its boundary."""


def angular_mean(directions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The mean of directions on the sphere with the least weighted sum of squared angles (Karcher mean).

    Suppose that annotator i has the part a_i of the weight and ranks by ``directions[i] @ x``. A ranking
    by the mean m agrees with i on the share ``agreement(directions[i], m)`` of random pairs, which is at
    least a_i: the minority has its share in the long run. The arithmetic mean does not guarantee this.

    With two features the mean is exact. With more, steps along the sphere, each to ``exp_m(v)`` with
    ``v = sum_i a_i log_m(directions[i])``, lower the sum from several starts, and the best end point is
    returned. It is the mean if some half-space contains all directions and the end point (Buss and
    Fillmore 2001), as it does whenever the directions are linearly independent. Otherwise the sum may have
    other minima: unless the end point reaches a lower bound on all sums, a warning gives its sum and that
    bound, and says whether everybody has their share. Two opposite directions have many shortest paths
    between them; one of these is chosen.

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
    rule for proportional sequential decisions", 2026. S. R. Buss, J. P. Fillmore, "Spherical averages and
    applications to spherical splines and interpolation", 2001.

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
    if units.shape[1] == 2:
        return _on_the_circle(units, parts)
    mean = parts @ units
    length = float(np.linalg.norm(mean))
    if length > OPPOSITE:
        direction: np.ndarray = _descend(mean[None] / length, units, parts, STEPS)[0]
        if _in_half_space(units, direction):
            return direction
    direction = _best_end(units, parts, mean)
    if not _in_half_space(units, direction):
        _warn_of_other_minima(units, parts, direction)
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


def _on_the_circle(units: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The mean of directions in the plane.

    On an arc between two opposites of directions every angle is a linear function, and the sum of squares has
    its minimum at the mean of the angles, some of them with a full turn added. Beyond the arc that sum is
    an upper bound; so the smallest of these minima is the least sum.
    """
    angles = np.arctan2(units[:, 1], units[:, 0])
    order = np.argsort(angles, kind="stable")
    angles, parts = angles[order], parts[order]
    turned = np.cumsum(parts)  # the weight with a full turn added
    means = parts @ angles + 2 * np.pi * turned
    squares = parts @ angles**2 + np.cumsum(parts * 4 * np.pi * (angles + np.pi))
    costs = squares - means**2
    best = means[np.flatnonzero(costs <= costs.min() + 1e-12)[0]]
    return np.array([np.cos(best), np.sin(best)])


def _best_end(units: np.ndarray, parts: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The best end point of several starts: the mean, heavy directions, random ones and a normal to all."""
    random = np.random.default_rng(0).normal(size=(STARTS, units.shape[1]))
    heaviest = units[np.argsort(-parts, kind="stable")[:STARTS]]
    normal = np.linalg.svd(units)[2][-1:]  # the direction least along them
    starts = np.concatenate([mean[None], heaviest, random, normal])
    lengths = np.linalg.norm(starts, axis=1, keepdims=True)
    kept = lengths[:, 0] > OPPOSITE
    ends = _descend(starts[kept] / lengths[kept], units, parts, FIRST_STEPS)
    costs = _costs(ends, units, parts)
    best = int(np.flatnonzero(costs <= costs.min() + 1e-9)[0])
    direction: np.ndarray = _descend(ends[best : best + 1], units, parts, STEPS)[0]
    return direction


def _costs(points: np.ndarray, units: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(S,) the weighted sums of squared angles to unit vectors (S, d)."""
    return np.asarray(np.arccos(np.clip(points @ units.T, -1, 1)) ** 2 @ parts)


def _in_half_space(units: np.ndarray, direction: np.ndarray) -> bool:
    """Whether some half-space contains all units, and the direction in its interior."""
    if (units @ direction).min() > INSIDE:
        return True
    from scipy.optimize import linprog

    # Find h with the largest least product with all units and the direction.
    points = np.vstack([units, direction])
    rows = np.hstack([-points, np.ones((len(points), 1))])
    objective = np.append(np.zeros(units.shape[1]), -1.0)
    bounds = [(-1.0, 1.0)] * units.shape[1] + [(None, None)]
    result = linprog(objective, A_ub=rows, b_ub=np.zeros(len(rows)), bounds=bounds)
    return result.x is not None and bool(result.x[-1] > INSIDE)


def _warn_of_other_minima(units: np.ndarray, parts: np.ndarray, direction: np.ndarray) -> None:
    """Say how far from the least sum a local minimum may be, and who has less than its share."""
    cost, least = float(_costs(direction[None], units, parts)[0]), _least_sum(units, parts)
    if cost <= least * (1 + ROUNDING):
        return
    short = np.flatnonzero(agreement(units, direction) < parts - 1e-9)
    shares = "everybody agrees on at least its share of the weight, as with the least sum"
    if len(short):
        shares = (
            f"{len(short)} of {len(units)} annotators agree on less than their share of the weight"
        )
    warnings.warn(
        "angular_mean: no half-space contains all directions, so the best direction found may not be the "
        f"mean; its sum of squared angles is {cost:.6g}, that of no direction is below {least:.6g}; {shares}",
        stacklevel=3,
    )


def _least_sum(units: np.ndarray, parts: np.ndarray) -> float:
    """A lower bound on the weighted sum of squared angles to any direction.

    The angles t of a direction fulfil t_i + t_j >= angle_ij. Multiplied by a_i a_j angle_ij and summed,
    this is 2 sum_i a_i r_i t_i >= A, with r_i = sum_j a_j angle_ij and A = sum_ij a_i a_j angle_ij^2; and
    by Cauchy and Schwarz the sum is at most sqrt(sum a_i r_i^2) sqrt(sum a_i t_i^2).
    """
    angles = np.arccos(np.clip(units @ units.T, -1, 1))
    reach = angles @ parts
    return float(parts @ angles**2 @ parts) ** 2 / max(4 * float(parts @ reach**2), 1e-300)
