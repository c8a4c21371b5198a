"""Calibration of score differences as Bradley-Terry win probabilities."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rlchf.evaluation.intervals import Figure, Sums
from rlchf.evaluation.pairs import Pairs

BINS = 10
EDGES = [0.5 + b / (2 * BINS) for b in range(BINS + 1)]


@dataclass(frozen=True)
class Bin:
    """Pairs whose response with the higher score is predicted to win with similar probability.

    Attributes
    ----------
    low, high
        Ends of the bin; the upper end belongs to the next bin, except 1.
    predicted
        Mean predicted probability, weighted by votes; NaN in an empty bin.
    observed
        Share of the votes for the response with the higher score.
    """

    low: float
    high: float
    predicted: float
    observed: Figure


@dataclass(frozen=True)
class Calibration:
    """Predicted probabilities ``sigma(r_i - r_j)`` against the ballots' win shares.

    Each pair is counted from the side of its higher score, so that probabilities are from 1/2 to 1; with
    equal scores, each side has half of the votes. A tie on a ballot is half a vote for each response.

    Attributes
    ----------
    bins
        Ten of equal width from 1/2 to 1.
    error
        Expected calibration error: mean over the votes of the absolute difference between the bin's
        predicted and observed shares.
    log_loss
        Mean over the votes of minus the logarithm of the predicted probability of the vote; ln 2 = 0.693
        if all scores are equal.
    brier
        Mean over the votes of the squared difference between 1 and the predicted probability of the vote;
        0.25 if all scores are equal.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", 2017.
    G. W. Brier, "Verification of forecasts expressed in terms of probability", 1950.
    """

    bins: list[Bin]
    error: float
    log_loss: Figure
    brier: Figure


def calibration_sums(pairs: Pairs) -> list[Sums]:
    """The sums behind `calibration`: votes by bin, predictions by bin, log loss, Brier score."""
    weights, gap = pairs.weights, np.abs(pairs.gaps)
    sides = np.sign(pairs.gaps)
    won = 0.5 + sides * (pairs.shares - 0.5)  # (Q,) share of the side that the scores prefer
    losing = 1 / (1 + np.exp(np.minimum(gap, 700.0)))  # predicted probability; no overflow
    bins = np.minimum((0.5 - losing) * 2 * BINS, BINS - 1).astype(np.int64)
    names = [f"{low:g}-{high:g}" for low, high in pairwise(EDGES)]
    # -q log sigma(d) - (1 - q) log sigma(-d), with -log sigma(d) = log(1 + e^-d)
    loss = np.logaddexp(0.0, -gap) + (1 - won) * gap
    brier = won * losing**2 + (1 - won) * (1 - losing) ** 2
    return [
        Sums(names, bins, pairs.prompts, weights * won, weights),
        Sums(names, bins, pairs.prompts, weights * (1 - losing), weights),
        Sums.one("log loss", pairs.prompts, weights * loss, weights),
        Sums.one("Brier score", pairs.prompts, weights * brier, weights),
    ]


def calibration(
    observed: list[Figure], predicted: list[Figure], log_loss: list[Figure], brier: list[Figure]
) -> Calibration:
    """The calibration from the figures of `calibration_sums`."""
    bins = [
        Bin(low, high, mean.value, votes)
        for (low, high), mean, votes in zip(pairwise(EDGES), predicted, observed, strict=True)
    ]
    filled = [b for b in bins if b.observed.weight > 0]
    errors = sum(b.observed.weight * abs(b.predicted - b.observed.value) for b in filled)
    weight = sum(b.observed.weight for b in filled)
    error = errors / weight if weight else float("nan")
    return Calibration(bins, error, log_loss[0], brier[0])
