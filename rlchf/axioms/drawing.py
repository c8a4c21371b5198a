"""Random elections for searches: strict and weak ballots, gaps, cycles, totals that tie."""

from collections.abc import Callable

import numpy as np

from rlchf.axioms.elections import Elections

KINDS = ("strict", "weak", "gaps", "weak gaps", "alike", "alike gaps")
WEIGHTS: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "equal": lambda rng, shape: np.ones(shape),
    "small": lambda rng, shape: rng.integers(1, 5, shape),
    "absent": lambda rng, shape: np.maximum(rng.integers(-1, 4, shape), 0),
    "large": lambda rng, shape: rng.integers(1, 10**6, shape),
    "tenths": lambda rng, shape: rng.integers(1, 5, shape) / 10,
    "powers": lambda rng, shape: 2.0 ** rng.random(shape).argsort(axis=1),
}
"""Weights of (B, K) ballots; no two sets of ballots have the same sum of powers of two."""


def drawn(
    rng: np.random.Generator, B: int, K: int, M: int, kind: str, weights: str, given: str
) -> Elections:
    """Random elections of a kind of ballots and of weights.

    Examples
    --------
    >>> drawn(np.random.default_rng(0), 2, 3, 4, "strict", "equal", "rankings").values.shape
    (2, 3, 4)
    """
    values: np.ndarray = rng.random((B, K, M)).argsort(axis=2) + 1.0
    if "weak" in kind:
        values = rng.integers(1, M + 1, (B, K, M)).astype(float)
    if "alike" in kind:  # one strict order, turned round; some ballots are random
        values = (np.arange(M) + rng.integers(0, M, (B, K, 1))) % M + 1.0
        random = rng.random((B, K)) < 0.3
        values[random] = rng.random((int(random.sum()), M)).argsort(axis=1) + 1.0
    if given == "scores":
        values = values + rng.integers(0, 3, (B, K, M))
    if "gaps" in kind:
        kept = rng.integers(0, M, (B, K, 1)) == np.arange(M)
        values = np.where(kept | (rng.random((B, K, M)) >= 0.35), values, 0)
    return Elections(values, WEIGHTS[weights](rng, (B, K)).astype(np.float64), given)
