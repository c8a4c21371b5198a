"""The angular mean of annotators' linear rewards."""

import numpy as np

STARTS = 32
"""The search starts from so many directions of largest weight, and from the arithmetic mean."""
FIRST_STEPS = 50
STEPS = 5000
"""So many steps from every start, and so many more from the best point found."""
STILL = 1e-10
"""A step smaller than this, in radians, is the last."""
OPPOSITE = 1e-7
"""Directions that are this near to being opposite, in radians, are."""


def angular_mean(directions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Average directions on the sphere: the least weighted sum of squared angles (Fréchet, Karcher).

    If annotator i with part a_i of the weight ranks by ``directions[i] @ x``, then whoever ranks by the
    mean m agrees with i on the part ``agreement(directions[i], m)`` of random pairs, and this is at
    least a_i: the minority has its share in the long run. The arithmetic mean does not give that.

    Each step goes to ``exp_m(v)`` with ``v = sum_i a_i log_m(directions[i])``. It never makes the sum
    larger, but it can end in a local minimum: the best of several starts is returned. Two opposite
    directions have many shortest ways between them, and one of these is taken.

    Parameters
    ----------
    directions
        (n, d) one vector per annotator, of any length above 0.
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
    60 % look along the first axis and 40 % along the second, 90 degrees away: 36 degrees to go.

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
    found: np.ndarray = _descend(ends[best : best + 1], units, parts, STEPS)[0]
    return found


def agreement(directions: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Share of random pairs that two linear rewards put in the same order: 1 - angle / π.

    The differences of the pairs' features are random with no preferred direction. ``directions`` is
    (n, d) or (d,), ``other`` (d,).

    Examples
    --------
    >>> agreement(np.array([[2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), np.array([1.0, 0.0]))
    array([1. , 0.5, 0. ])
    """
    units = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    shares: np.ndarray = 1 - _angles(units, other / np.linalg.norm(other)) / np.pi
    return shares


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
            f"direction {bad[0]} is {directions[bad[0]].tolist()}, which points nowhere; leave it out"
        )
    there = w > 0
    return directions[there] / lengths[there, None], w[there] / w.sum()


def _descend(at: np.ndarray, units: np.ndarray, parts: np.ndarray, steps: int) -> np.ndarray:
    """Go downhill from unit vectors, (S, d), to where the weighted logarithms add up to 0."""
    for _ in range(steps):
        v = _mean_logarithm(at, units, parts)
        size = np.linalg.norm(v, axis=1, keepdims=True)
        if (size < STILL).all():
            break
        at = np.cos(size) * at + np.sinc(size / np.pi) * v  # sinc(x / π) is sin(x) / x
        at = at / np.linalg.norm(at, axis=1, keepdims=True)
    return at


def _mean_logarithm(at: np.ndarray, units: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(S, d) the weighted sum of the tangents that lead to the units, each as long as the way."""
    cosines = np.clip(at @ units.T, -1, 1)  # (S, n)
    angles = np.arccos(cosines)
    opposite = angles > np.pi - OPPOSITE
    # log(u) = angle / sin(angle) * (u - cos(angle) * at)
    pulls = np.where(opposite, 0.0, parts / np.sinc(angles / np.pi))
    v = pulls @ units - np.sum(pulls * cosines, axis=1, keepdims=True) * at
    if opposite.any():  # any tangent leads there: take the one towards the axis farthest away
        axes = np.eye(at.shape[1])[np.argmin(np.abs(at), axis=1)]
        axes -= np.sum(axes * at, axis=1, keepdims=True) * at
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        v += np.pi * (opposite @ parts)[:, None] * axes
    tangents: np.ndarray = v - np.sum(v * at, axis=1, keepdims=True) * at
    return tangents


def _angles(units: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The angles between unit vectors, exact for small and large ones (Kahan)."""
    apart, together = np.linalg.norm(units - at, axis=-1), np.linalg.norm(units + at, axis=-1)
    return np.asarray(2 * np.arctan2(apart, together))
