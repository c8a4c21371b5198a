"""Ratios of sums with bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.numeric.ratios import ratio

LEAST = 40
"""Replicates at least: with fewer, 2.5 % of them are less than one."""


@dataclass(frozen=True)
class Figure:
    """A share or a mean with its interval.

    Attributes
    ----------
    name
        The subject of the measure: ``"all"``, a margin, a group, an annotator.
    weight
        Total weight of the mean: with weights of 1, the number of pairs on ballots.
    drawn
        Number of prompts (or annotators, if these are resampled) behind the measure.
    value
        The share or mean; NaN if there is nothing to measure.
    low, high
        Its 95 % bootstrap interval; NaN without replicates, or if ``drawn`` is 1.
    """

    name: str
    weight: float
    drawn: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Sums:
    """The terms of several figures; each figure is a sum of parts divided by a sum of wholes.

    Attributes
    ----------
    names
        (F,) the figures' names.
    rows, units
        (N,) the figure that each observation adds to, and its prompt (or annotator).
    part, whole
        (N,) the terms that the observation adds to the two sums.
    """

    names: Sequence[str]
    rows: np.ndarray
    units: np.ndarray
    part: np.ndarray
    whole: np.ndarray

    @classmethod
    def one(cls, name: str, units: np.ndarray, part: np.ndarray, whole: np.ndarray) -> "Sums":
        """A single figure."""
        return cls([name], np.zeros(len(units), np.int64), units, part, whole)


def figures(
    families: Sequence[Sums], n_units: int, replicates: int = 200, seed: int = 0
) -> list[list[Figure]]:
    """Measure all figures, with bootstrap intervals over the units.

    A replicate in which a figure's sum of wholes is 0 does not count for that figure.

    References
    ----------
    B. Efron, "Bootstrap methods: another look at the jackknife", 1979.

    Examples
    --------
    >>> right, pairs = np.array([1.0, 0.0, 1.0, 1.0]), np.ones(4)
    >>> figures([Sums.one("all", np.arange(4), right, pairs)], 4)[0][0]
    Figure(name='all', weight=4.0, drawn=4, value=0.75, low=0.25, high=1.0)
    """
    from scipy.sparse import csr_array, vstack

    parts, wholes = [], []
    for sums in families:
        cells, shape = (sums.rows, sums.units), (len(sums.names), n_units)
        parts.append(csr_array((sums.part, cells), shape=shape))  # adds up equal cells
        wholes.append(csr_array((sums.whole, cells), shape=shape))
    part, whole = vstack(parts, format="csr"), vstack(wholes, format="csr")
    rng, F = np.random.default_rng(seed), part.shape[0]
    resampled = np.empty((F, replicates))
    for b in range(replicates):
        times = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units).astype(float)
        resampled[:, b] = ratio(part @ times, whole @ times)
    once, weight = np.ones(n_units), whole.sum(axis=1)
    drawn = (whole > 0).astype(float) @ once
    low, high = bounds(np.where((drawn > 1)[:, None], resampled, np.nan))
    columns = [weight, drawn.astype(np.int64), ratio(part @ once, weight), low, high]
    rows = iter(zip(*(column.tolist() for column in columns), strict=True))
    return [[Figure(name, *next(rows)) for name in sums.names] for sums in families]


def bounds(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 2.5 % and 97.5 % quantiles of each row, (F, B), without its NaN."""
    bounds = np.full((2, len(values)), np.nan)
    if values.shape[1]:
        known = ~np.isnan(values)
        complete = known.all(axis=1)
        bounds[:, complete] = np.quantile(values[complete], [0.025, 0.975], axis=1)
        for f in np.flatnonzero(known.any(axis=1) & ~complete):
            bounds[:, f] = np.quantile(values[f, known[f]], [0.025, 0.975])
    return bounds[0], bounds[1]
