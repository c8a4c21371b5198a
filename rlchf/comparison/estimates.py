"""Means over prompts with intervals, and which rules are tied with the best."""

from collections.abc import Mapping

import numpy as np

from rlchf.auditing.estimates import Estimate


def mean_over(values: np.ndarray) -> Estimate:
    """The mean over prompts, with a 95 % interval for other prompts like these; NaN is left out.

    The mean of one prompt has no interval.

    Examples
    --------
    >>> mean = mean_over(np.array([0.5, 0.7, np.nan, 0.6]))
    >>> round(mean.value, 3), round(mean.low, 3), round(mean.high, 3)
    (0.6, 0.352, 0.848)
    """
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    half, mean = _half_width(known), float(known.mean())
    if len(known) == 1:
        return Estimate(mean, float("nan"), float("nan"))
    return Estimate(mean, mean - half, mean + half)


def tied_with_best(values: Mapping[str, np.ndarray], best: str = "") -> tuple[str, list[str]]:
    """The rule with the highest mean over prompts, and those that are not below it beyond chance.

    A rule is tied with the best if the 95 % interval of the mean difference, prompt by prompt, includes 0.

    Parameters
    ----------
    best
        The rule that the others are compared with, if it is known.

    Examples
    --------
    >>> values = {"borda": np.array([0.9, 0.8, 0.7]), "veto": np.array([0.5, 0.4, 0.3]),
    ...           "kemeny": np.array([0.9, 0.7, 0.8])}
    >>> tied_with_best(values)
    ('borda', ['kemeny'])
    """
    means = {name: float(np.nanmean(row)) for name, row in values.items()}
    best = best or max(means, key=lambda name: means[name])
    tied = []
    for name, row in values.items():
        difference = (values[best] - row)[~np.isnan(values[best] - row)]
        if name != best and difference.mean() - _half_width(difference) <= 1e-12:
            tied.append(name)
    return best, tied


def within_bounds(share: Estimate) -> Estimate:
    """A share whose interval stays between 0 and 1.

    Examples
    --------
    >>> within_bounds(Estimate(0.9, 0.75, 1.05))
    Estimate(value=0.9, low=0.75, high=1.0)
    """
    return Estimate(share.value, max(share.low, 0.0), min(share.high, 1.0))


def _half_width(values: np.ndarray) -> float:
    """Half the width of Student's 95 % interval of a mean; infinite for one value."""
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return float("inf")
    return float(stdtrit(n - 1, 0.975) * values.std(ddof=1) / n**0.5)
