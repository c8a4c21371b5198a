"""What unequal weights cost: Kish's design effect and effective sample size."""

import numpy as np


def effective_sample_size(weights: np.ndarray) -> float:
    """The number of people with equal weights who would give a mean as sure: (sum w)^2 / sum w^2.

    Parameters
    ----------
    weights
        (A,) weights that are 0 or more; those of 0 do not count.

    References
    ----------
    L. Kish, "Survey sampling", 1965, section 11.7.

    Examples
    --------
    >>> effective_sample_size(np.ones(8)), effective_sample_size(np.array([1.0, 0.5, 0.5, 0.0]))
    (8.0, 2.6666666666666665)
    """
    w = weights / max(weights.max(initial=0.0), np.finfo(float).tiny)  # squares that fit
    return float(w.sum() ** 2 / (w**2).sum()) if w.any() else 0.0


def design_effect(weights: np.ndarray) -> float:
    """The factor by which unequal weights raise the variance of a mean: 1 + cv^2 of weights above 0.

    It assumes that what is measured has nothing to do with the weights; where it has, a mean may be surer.

    Parameters
    ----------
    weights
        (A,) weights that are 0 or more; those of 0 do not count. NaN if there is none above 0.

    References
    ----------
    L. Kish, "Weighting for unequal P_i", Journal of Official Statistics, 1992.

    Examples
    --------
    >>> design_effect(np.ones(8)), design_effect(np.array([3.0, 1.0, 0.0]))
    (1.0, 1.25)
    """
    n = np.count_nonzero(weights)
    return float(n / effective_sample_size(weights)) if n else float("nan")
