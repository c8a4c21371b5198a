"""How many would agree with a statement: estimates with intervals, which few votes make wide."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rlchf.numeric.ratios import ratio

Estimate = Literal["raw", "shrunk", "lower"]
"""The share of agreeing votes, its posterior mean, or the lower end of its interval."""

LEAST = 2.0
"""Votes that the prior stands for at least: those of the (A + 1) / (S + 2) in Polis."""
LEVEL = 0.95


@dataclass(frozen=True)
class Prior:
    """A Beta distribution of the share of voters who agree with a statement.

    Attributes
    ----------
    mean
        Its mean.
    strength
        The number of votes that it stands for, alpha + beta.
    """

    mean: float
    strength: float

    @classmethod
    def fitted(cls, agree: np.ndarray, seen: np.ndarray) -> "Prior":
        """Fit by the method of moments, to (M,) numbers of agreeing votes and of all votes.

        The mean is the share of all votes that agree. The strength s is 1 / c - 1, where c is the
        correlation of two votes on one statement, estimated from how much more the statements' shares vary
        than votes drawn at random would. It is at least 2, the votes that Polis adds, and no more than
        that or the votes on the average statement, whichever is more: where shares vary little, or by
        chance less than that, a statement with so many votes is pulled to the mean by half of the way.

        References
        ----------
        J. C. Kleinman, "Proportions with extraneous variance: single and independent samples", 1973.

        Examples
        --------
        >>> Prior.fitted(np.array([90, 10]), np.array([100, 100]))
        Prior(mean=0.5, strength=2.0)
        >>> round(Prior.fitted(np.array([55, 45, 60, 40]), np.full(4, 100)).strength, 1)
        41.4
        """
        voted = seen > 0
        agree, seen = agree[voted].astype(np.float64), seen[voted].astype(np.float64)
        total = seen.sum()
        if total == 0:
            return cls(0.5, LEAST)
        mean = float(agree.sum() / total)
        chance = mean * (1 - mean)
        spread = float((seen * (agree / seen - mean) ** 2).sum())
        free = len(seen) - 1
        room = float((seen * (1 - seen / total)).sum()) - free
        if free == 0 or chance == 0 or room <= 0:
            return cls(min(max(mean, 0.5 / (total + 1)), 1 - 0.5 / (total + 1)), LEAST)
        correlation = (spread - chance * free) / (chance * room)
        most = max(total / len(seen), LEAST)
        strength = most if correlation <= 0 else 1 / min(correlation, 1.0) - 1
        return cls(mean, float(np.clip(strength, LEAST, most)))


@dataclass(frozen=True, eq=False)
class Rates:
    """Shares of voters who agree with each statement, all (M,).

    Attributes
    ----------
    raw
        Agreeing votes divided by votes; NaN without a vote.
    shrunk
        The mean of the posterior: the share after adding the votes that the prior stands for.
    low, high
        The ends of the posterior's central 95 % interval.
    prior
        The prior.
    """

    raw: np.ndarray
    shrunk: np.ndarray
    low: np.ndarray
    high: np.ndarray
    prior: Prior

    def chosen(self, estimate: Estimate) -> np.ndarray:
        """(M,) the shares by one of the estimates; raw ones without a vote are shrunk."""
        if estimate == "raw":
            return np.where(np.isnan(self.raw), self.shrunk, self.raw)
        return self.shrunk if estimate == "shrunk" else self.low


def rates(agree: np.ndarray, seen: np.ndarray, prior: Prior | None = None) -> Rates:
    """Estimate shares from (M,) numbers of agreeing votes and of all votes, passes included.

    The posterior of a statement's share is Beta(alpha + agree, beta + seen - agree) with the prior
    Beta(alpha, beta); see `Prior.fitted`, which is the default.

    Examples
    --------
    Three votes of three say less than 180 of 200:

    >>> few_and_many = rates(np.array([3, 180]), np.array([3, 200]), Prior(0.5, 2.0))
    >>> few_and_many.raw.round(2), few_and_many.shrunk.round(2), few_and_many.low.round(2)
    (array([1. , 0.9]), array([0.8, 0.9]), array([0.4 , 0.85]))
    """
    from scipy.special import betaincinv

    prior = Prior.fitted(agree, seen) if prior is None else prior
    alpha = prior.mean * prior.strength + agree
    beta = (1 - prior.mean) * prior.strength + seen - agree
    tail = (1 - LEVEL) / 2
    return Rates(
        raw=ratio(agree.astype(np.float64), seen.astype(np.float64)),
        shrunk=alpha / (alpha + beta),
        low=betaincinv(alpha, beta, tail),
        high=betaincinv(alpha, beta, 1 - tail),
        prior=prior,
    )
