"""Shares of sums, and how sure they are, given that others might have been drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing.agreement import share


@dataclass(frozen=True)
class Figure:
    """A measured share or mean.

    Attributes
    ----------
    name
        Of what: ``"all"``, a margin, a group, an annotator.
    weight
        The weight that it is a mean over: with weights of 1, the number of pairs on ballots.
    drawn
        How many prompts (or annotators, where those are drawn anew) it comes from.
    value
        The figure; NaN if there is nothing to measure.
    low, high
        Its 95 % interval by the bootstrap; NaN without replicates, or if it comes from one alone.
    """

    name: str
    weight: float
    drawn: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Sums:
    """What several figures, each a sum of parts by a sum of wholes, are made of.

    Attributes
    ----------
    names
        (F,) the figures' names.
    rows, units
        (N,) the figure that an observation adds to, and the prompt (or annotator) that it comes from.
    part, whole
        (N,) what it adds; nothing with a whole of 0.
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
    """Measure, then draw the units anew with replacement and measure again, all families at once.

    A figure that a replicate has nothing of is left out of it.

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
        at, shape = (sums.rows, sums.units), (len(sums.names), n_units)
        parts.append(csr_array((sums.part, at), shape=shape))  # adds up what is in the same place
        wholes.append(csr_array((sums.whole, at), shape=shape))
    part, whole = vstack(parts, format="csr"), vstack(wholes, format="csr")
    rng, F = np.random.default_rng(seed), part.shape[0]
    again = np.empty((F, replicates))
    for b in range(replicates):
        times = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units).astype(float)
        again[:, b] = share(part @ times, whole @ times)
    once, weight = np.ones(n_units), whole.sum(axis=1)
    drawn = (whole > 0).astype(float) @ once
    low, high = _spans(np.where((drawn > 1)[:, None], again, np.nan))
    columns = [weight, drawn.astype(np.int64), share(part @ once, weight), low, high]
    rows = iter(zip(*(column.tolist() for column in columns), strict=True))
    return [[Figure(name, *next(rows)) for name in sums.names] for sums in families]


def _spans(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 2.5 % and 97.5 % quantiles of each row, (F, B), without its NaN."""
    spans = np.full((2, len(values)), np.nan)
    if values.shape[1]:
        known = ~np.isnan(values)
        whole = known.all(axis=1)
        spans[:, whole] = np.quantile(values[whole], [0.025, 0.975], axis=1)
        for f in np.flatnonzero(known.any(axis=1) & ~whole):
            spans[:, f] = np.quantile(values[f, known[f]], [0.025, 0.975])
    return spans[0], spans[1]
