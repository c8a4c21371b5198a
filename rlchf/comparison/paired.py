"""Shares of agreement under different rules, compared ballot by ballot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing.estimates import Estimate, combined
from rlchf.rankings import Rankings


@dataclass(frozen=True, eq=False)
class Figure:
    """A share over ballots.

    Attributes
    ----------
    value
        The share; NaN if there is nothing to measure.
    influence
        (N,) how much each ballot pulls the share up or down: the differences add up to 0.
    name
        The group whose share it is; empty for everybody.
    """

    value: float
    influence: np.ndarray
    name: str = ""


def share(part: np.ndarray, whole: np.ndarray, weights: np.ndarray, name: str = "") -> Figure:
    """The sum of the parts divided by the sum of the wholes, (N,) each, by weight.

    Examples
    --------
    >>> share(np.array([1.0, 0.0]), np.array([1.0, 1.0]), np.ones(2)).influence
    array([ 0.25, -0.25])
    """
    total = float(weights @ whole)
    if not total > 0:
        return Figure(float("nan"), np.zeros(len(whole)), name)
    value = float(weights @ part) / total
    return Figure(value, weights * (part - value * whole) / total, name)


def lowest(figures: Sequence[Figure]) -> Figure | None:
    """The lowest of some shares; None if there is none."""
    known = [one for one in figures if not np.isnan(one.value)]
    return min(known, key=lambda one: one.value) if known else None


def difference(
    rankings: Rankings, one: Figure, other: Figure, strata: np.ndarray | None = None
) -> Estimate:
    """One share minus another on the same ballots, with a 95 % interval for other people and other prompts.

    The variance is that of prompts, plus that of annotators beyond that of annotators within prompts. The
    sizes of the groups of annotators are taken as given.

    Parameters
    ----------
    strata
        (A,) the group of each annotator; by default all are in one.

    References
    ----------
    A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust inference with multiway clustering", 2011.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([(p, a, "x > y") for p in "pqr" for a in "abc"])
    >>> ones, weights = np.ones(9), np.ones(9)
    >>> low = share(np.array([0.0, 1, 0, 1, 0, 1, 0, 1, 0]), ones, weights)
    >>> gap = difference(rankings, share(ones, ones, weights), low)
    >>> round(gap.value, 3), gap.low < gap.value < gap.high
    (0.556, True)
    """
    pull = one.influence - other.influence
    prompts, annotators = rankings.ballot_prompts, rankings.ballot_annotators
    A = len(rankings.annotator_ids)
    groups = np.zeros(A, np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    cells, cell_of = np.unique(prompts * A + annotators, return_inverse=True)
    of_prompts, p = _squares(np.bincount(prompts, pull), np.zeros(rankings.n_prompts, np.int64))
    voted = np.bincount(annotators, minlength=A) > 0
    of_annotators, a = _squares(np.bincount(annotators, pull, A)[voted], groups[voted])
    within, _ = _squares(np.bincount(cell_of, pull), groups[cells % A])
    return combined(one.value - other.value, of_annotators, a, of_prompts, p + 1, within)


def tied(
    rankings: Rankings, figures: Mapping[str, Figure], strata: np.ndarray | None = None
) -> tuple[str, list[str]]:
    """The rule with the highest share, and the rules that are not below it beyond chance.

    Where no interval can be given, all rules count as tied.
    """
    best = max(figures, key=lambda name: figures[name].value)
    others = []
    for name, figure in figures.items():
        if name != best:
            gap = difference(rankings, figures[best], figure, strata)
            same = not (figures[best].influence != figure.influence).any()
            if same or np.isnan(gap.low) or gap.low <= 1e-12:
                others.append(name)
    return best, others


def _squares(sums: np.ndarray, groups: np.ndarray) -> tuple[float, int]:
    """The variance of a sum whose terms, (n,), are drawn within groups, and its degrees of freedom."""
    sizes = np.bincount(groups)
    means = np.bincount(groups, sums) / np.maximum(sizes, 1)
    factors = sizes / np.maximum(sizes - 1, 1)
    apart = (sums - means[groups]) ** 2 * factors[groups]
    return float(apart.sum()), int(np.maximum(sizes - 1, 0).sum())
