"""What the likelihood models of strength share: pairs, Newton's method, and ties of estimates."""

import warnings
from collections.abc import Callable

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules._parts.tiers import closure

GRID = 1e9
"""Strengths are rounded to 1 / GRID; strengths that differ by less are tied."""
STEPS = 100
"""Newton's method takes four to eight steps; more only where weights differ by many powers of ten."""

BLOCK = 64  # responses eliminated before the others are updated

LIGHTEST = 1e9
"""The weights on a prompt count as at most this many times the prior."""

Slopes = Callable[[Array], tuple[Array, Array]]
"""Strengths (M, B) -> gradient (M, B), and pulls (M, M, B): minus the mixed second derivatives."""


def prior_weights(profiles: Profiles, prior: float) -> Array:
    """(M, M, B) the weight of the prior: on the pairs that some ballot compares, and 0 on the others.

    It is at least a billionth of all weights on a prompt; a smaller prior would be lost in rounding errors.

    Raises
    ------
    ValueError
        If the prior is not a positive number.
    """
    if not 0 < prior < float("inf"):
        raise ValueError(f"prior is {prior!r}; give a number above 0, such as 1.0")
    weights = profiles.totals / profiles.scale
    xp = array_namespace(weights)
    if bool(xp.any((weights > 0) & (weights < prior / LIGHTEST))):
        warnings.warn(
            "the weights on some prompts add up to less than a billionth of the prior, so that it ties "
            "responses that the ballots do not; multiply all weights by the same number, or give a "
            "smaller prior",
            stacklevel=3,
        )
    compared = xp.permute_dims(profiles.compared > 0, (1, 2, 0))
    return xp.where(compared, xp.clip(weights / LIGHTEST, min=float(prior)), 0.0)


def linked(rule: str, compared: Array) -> Array | None:
    """(M, M, B) whether a chain of comparisons links two responses, or None if it links all of them.

    Strengths of responses that no chain links are not comparable, which a warning says.

    Parameters
    ----------
    compared
        (M, M, B) bool: whether a ballot compares the two.
    """
    xp = array_namespace(compared)
    M = compared.shape[0]
    diagonal = xp.eye(M, dtype=xp.bool, device=device_of(compared))[:, :, None]
    if bool(xp.all(compared | diagonal)):
        return None
    reached = closure(compared) | diagonal
    apart = ~xp.all(reached, axis=(0, 1))
    if bool(xp.any(apart & xp.any(compared, axis=(0, 1)))):
        warnings.warn(
            f"{rule}: on some prompts no chain of comparisons links all responses; scores of responses that "
            "none links are not comparable, and are centred on 0 in each linked group",
            stacklevel=3,
        )
    return reached if bool(xp.any(apart)) else None


def pair_slopes(strengths: Array, wins: Array) -> tuple[Array, Array]:
    """Gradient and pulls of the log-likelihood of comparisons of pairs (Bradley and Terry).

    Parameters
    ----------
    strengths
        (M, B) on the log scale.
    wins
        (M, M, B) the weight with which i was chosen over j.
    """
    xp = array_namespace(strengths)
    M, B = strengths.shape
    gradient = xp.zeros_like(strengths)
    pulls = xp.zeros((M, M, B), dtype=xp.float64, device=device_of(strengths))
    for i in range(M - 1):
        ahead = strengths[i] - strengths[i + 1 :]  # (M - i - 1, B)
        small = xp.exp(-xp.abs(ahead))
        high, low = 1 / (1 + small), small / (1 + small)
        won, lost = wins[i, i + 1 :], wins[i + 1 :, i]
        gain = xp.where(ahead > 0, won * low - lost * high, won * high - lost * low)
        gradient[i] += xp.sum(gain, axis=0)
        gradient[i + 1 :] -= gain
        pulls[i, i + 1 :] = (won + lost) * high * low
        pulls[i + 1 :, i] = pulls[i, i + 1 :]
    return gradient, pulls


def fitted(slopes: Slopes, start: Array, groups: Array | None = None) -> Array:
    """Strengths where the gradient is 0, centred, found by Newton's method on all prompts at once.

    Each step is shortened as self-concordance requires, so that the likelihood never falls: F. Bach,
    "Self-concordant analysis for logistic regression", 2010. A prompt that has converged does not change
    while others continue, so its strengths do not depend on them.

    Parameters
    ----------
    slopes
        The slopes of a concave function of the differences of strengths within groups, which depends on
        every strength.
    start
        (M, B) initial strengths.
    groups
        (M, M, B) whether two responses are in one group, by `linked`; None if all are in one.
    """
    xp = array_namespace(start)
    strengths = start
    unfinished = xp.ones(start.shape[1:], dtype=xp.bool, device=device_of(start))
    for _ in range(STEPS):
        step = _newton_step(*slopes(strengths))
        length = xp.max(step, axis=0) - xp.min(step, axis=0)
        some = xp.where(length > 0, length, 1.0)
        strengths = strengths + step * xp.where(unfinished, xp.log1p(some) / some, 0.0)
        unfinished = unfinished & (length > 1e-8)
        if not bool(xp.any(unfinished)):
            break
    if groups is None:
        return strengths - xp.mean(strengths, axis=0)
    inside = xp.astype(groups, xp.float64)
    return strengths - xp.sum(inside * strengths[None], axis=1) / xp.sum(inside, axis=1)


def _newton_step(gradient: Array, pulls: Array) -> Array:
    """Solve the linear system of Newton's step for pulls (M, M, B), with the last of each group held at 0.

    This is Gaussian elimination, one response after the other, written without subtractions, so that no
    digits cancel. What the eliminated responses add to the pulls between the next `BLOCK` responses and
    the others is a product of matrices. Overwrites its arguments.
    """
    xp = array_namespace(gradient)
    M = len(gradient)
    totals = xp.ones_like(gradient)
    for first in range(0, M - 1, BLOCK):
        end = min(first + BLOCK, M - 1)
        if first:
            shares = pulls[:first, first:end] / totals[:first, None]
            pulls[first:end, first:] += _products(shares, pulls[:first, first:])
        for k in range(first, end):
            pull = pulls[k, k + 1 :]  # (M - k - 1, B)
            total = xp.sum(pull, axis=0)
            totals[k] = xp.clip(total, min=1e-300)
            share = pull / totals[k]
            gradient[k + 1 :] += share * gradient[k]
            gradient[k] = xp.where(total > 0, gradient[k] / totals[k], 0.0)
            pulls[k + 1 : end, k + 1 :] += share[: end - k - 1, None] * pull[None]
    gradient[M - 1] = 0
    for k in range(M - 2, -1, -1):
        gradient[k] += xp.sum(pulls[k, k + 1 :] / totals[k] * gradient[k + 1 :], axis=0)
    return gradient


def _products(left: Array, right: Array) -> Array:
    """(p, n, B) transposed times (p, m, B): (n, m, B)."""
    xp = array_namespace(left)
    left, right = (xp.permute_dims(side, (2, 0, 1)) for side in (left, right))
    pairs = zip(left, right, strict=True)
    return xp.stack(
        [xp.asarray(p.T, copy=True) @ xp.asarray(q, copy=True) for p, q in pairs], axis=2
    )


def scores_of(strengths: Array) -> Array:
    """(M, B) strengths to (B, M) scores, multiples of 1 / GRID; a chain of closer neighbours is tied."""
    xp = array_namespace(strengths)
    order = xp.argsort(-strengths, axis=0)
    ranked = xp.take_along_axis(strengths, order, axis=0)
    scores = xp.round(ranked * GRID) / GRID + 0.0  # + 0.0 makes -0.0 a plain 0.0
    for i in range(1, len(ranked)):
        near = ranked[i - 1] - ranked[i] <= 1 / GRID
        scores[i] = xp.where(near, scores[i - 1], scores[i])
    scores = xp.take_along_axis(scores, xp.argsort(order, axis=0), axis=0)
    return xp.matrix_transpose(scores)
