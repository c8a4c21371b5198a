"""Raking: weights under which people have the shares of a population, column by column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.people.contradictions import explain

TOLERANCE = 1e-9
"""The largest difference between a share of the weight and its target, when raking has converged."""
ROUNDS = 3_000
"""Rounds through all margins before raking says why it has not converged."""


@dataclass(frozen=True, eq=False)
class Margin:
    """The people by the categories of one column, and the population's shares of these.

    Attributes
    ----------
    column
        The column's name.
    categories
        (C,) names.
    codes
        (A,) each person's category, as an index into the names.
    shares
        (C,) the share of the weight that each category is to have; they add up to 1.
    """

    column: str
    categories: Sequence[str]
    codes: np.ndarray
    shares: np.ndarray

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """(C,) the sum of the weights in each category."""
        return np.asarray(np.bincount(self.codes, weights, len(self.categories)))


def rake(
    base: np.ndarray, margins: Sequence[Margin], *, largest: float = np.inf
) -> tuple[np.ndarray, int]:
    """Weights as near to base weights as possible under which every margin has its shares.

    Iterative proportional fitting: the weights of each category are multiplied by what they lack, column
    after column, until all columns fit. With a bound, a weight that would be larger is the bound, and the
    others of its category are multiplied by more. The result minimises the relative entropy
    sum w log(w / base) among all weights with these margins and within the bound.

    Parameters
    ----------
    base
        (A,) base weights, 0 or more; 0 stays 0.
    margins
        The margins, one for each column.
    largest
        The largest weight, as a multiple of the mean of the weights above 0.

    Returns
    -------
    (A,) weights with the sum of the base weights, and the number of rounds.

    Raises
    ------
    ValueError
        If there are no such weights; the message names the categories, or the smallest bound that works.

    References
    ----------
    W. E. Deming and F. F. Stephan, "On a least squares adjustment of a sampled frequency table when the
    expected marginal totals are known", 1940. J.-C. Deville, C.-E. Särndal and O. Sautory, "Generalized
    raking procedures in survey sampling", 1993, for bounds.

    Examples
    --------
    >>> sex = Margin("sex", ["f", "m"], np.array([0, 0, 0, 1]), np.array([0.5, 0.5]))
    >>> weights, rounds = rake(np.ones(4), [sex])
    >>> weights.round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    present = base > 0
    total, n = base.sum(), int(present.sum())
    bound = largest * total / n
    raw = np.where(present, base, 0.0)
    for done in range(1, ROUNDS + 1):
        with np.errstate(over="ignore", invalid="ignore"):  # where nothing fits
            for margin in margins:
                raw = raw * _factors(margin, raw, total, bound)[margin.codes]
        weights = np.minimum(raw, bound)
        if _largest_gap(margins, weights) <= TOLERANCE:
            return weights * (total / weights.sum()), done
    raise ValueError(explain(base, margins, weights, largest))


def _factors(margin: Margin, raw: np.ndarray, total: float, bound: float) -> np.ndarray:
    """(C,) by what the raw weights of each category are multiplied, so that those within the bound fit."""
    targets, sums = margin.shares * total, margin.sums(raw)
    factors = np.divide(targets, sums, out=np.ones(len(sums)), where=sums > 0)
    if not np.isfinite(bound):
        return np.asarray(factors)
    for c in np.flatnonzero(np.bincount(margin.codes, raw * factors[margin.codes] > bound)):
        factors[c] = bounded_factor(raw[margin.codes == c], targets[c], bound)
    return np.asarray(factors)


def bounded_factor(raw: np.ndarray, target: float, bound: float) -> float:
    """The factor f for which the sum of min(f * raw, bound) is the target, or comes nearest to it.

    Examples
    --------
    >>> bounded_factor(np.array([4.0, 1.0, 1.0]), target=8.0, bound=4.0)
    2.0
    """
    raw = np.sort(raw[raw > 0])[::-1]
    below = raw.sum() - np.cumsum(
        raw
    )  # of those that stay below the bound if the first ones reach it
    at_bound = bound * np.arange(1, len(raw) + 1)
    factors = np.divide(target - at_bound, below, out=np.full(len(raw), np.inf), where=below > 0)
    factors = np.concatenate([[target / raw.sum()], factors])
    fits = factors[:-1] * raw <= bound
    return float(factors[np.argmax(fits)] if fits.any() else bound / raw[-1])


def _largest_gap(margins: Sequence[Margin], weights: np.ndarray) -> float:
    total = weights.sum()
    return max(float(np.abs(one.sums(weights) / total - one.shares).max()) for one in margins)


def joint(parts: Sequence[Sequence[str]]) -> list[str]:
    """The joint categories of several columns; a person who lacks one of them has none.

    Examples
    --------
    >>> joint([["18-29", "30+", ""], ["f", "m", "m"]])
    ['18-29 x f', '30+ x m', '']
    """
    return [JOINT.join(cells) if all(cells) else "" for cells in zip(*parts, strict=True)]


JOINT = " x "
"""What stands between the columns, and the categories, of a joint margin."""


def column_of(features: Mapping[str, Sequence[str]], column: str) -> Sequence[str] | None:
    """Each person's category in a column, or in several joined ones ("age x sex"); None without it."""
    if column in features:
        return features[column]
    names = column.split(JOINT)
    if len(names) < 2 or any(name not in features for name in names):
        return None
    return joint([features[name] for name in names])
