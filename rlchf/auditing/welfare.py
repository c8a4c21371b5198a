"""How equal and how good the outcome is over the annotators."""

from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings
from rlchf.rules import get_rule
from rlchf.ties import strict_order

CHUNK = 20_000  # prompts
LARGEST = 8
"""The price against Kemeny is measured on prompts of up to so many responses."""


@dataclass(frozen=True)
class Welfare:
    """Annotators' shares of agreement, u, as one society; each annotator counts by their mean weight.

    Attributes
    ----------
    annotators
        How many have a share.
    mean, nash, harmonic, minimum
        The power means of u for p = 1, 0 (geometric: Nash welfare), -1 and minus infinity.
    lowest
        The five lowest shares, lowest first: compare outcomes by the first that differs (leximin).
    gini
        Gini coefficient of u, from 0 (all equal).
    """

    annotators: int
    mean: float
    nash: float
    harmonic: float
    minimum: float
    lowest: list[float]
    gini: float


def welfare(shares: np.ndarray, weights: np.ndarray) -> Welfare:
    """Sum up shares of agreement, (A,); NaN and weights of 0 are left out.

    Examples
    --------
    >>> found = welfare(np.array([0.5, 1.0, 0.0]), np.ones(3))
    >>> found.mean, found.nash, found.minimum
    (0.5, 0.0, 0.0)
    """
    there = ~np.isnan(shares) & (weights > 0)
    u, w = shares[there], weights[there]
    return Welfare(
        annotators=len(u),
        mean=p_mean(u, w, 1),
        nash=p_mean(u, w, 0),
        harmonic=p_mean(u, w, -1),
        minimum=p_mean(u, w, -np.inf),
        lowest=np.sort(u)[:5].tolist(),
        gini=gini(u, w),
    )


def mean_weights(rankings: Rankings) -> np.ndarray:
    """(A,) the mean weight of each annotator's ballots.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b"), ("q", "ann", "a > b"), ("q", "bob", "a > b")]
    >>> mean_weights(Rankings.from_ballots(ballots, [1.0, 2.0, 3.0]))
    array([1.5, 3. ])
    """
    A = len(rankings.annotator_ids)
    ballots = np.bincount(rankings.ballot_annotators, minlength=A)
    total = np.bincount(rankings.ballot_annotators, rankings.ballot_weights, A)
    return np.asarray(total / np.maximum(ballots, 1))


def p_mean(values: np.ndarray, weights: np.ndarray, p: float) -> float:
    """The weighted power mean of values that are at least 0; NaN of none.

    Examples
    --------
    >>> [round(p_mean(np.array([1.0, 4.0]), np.ones(2), p), 3) for p in (1, 0, -1, -np.inf)]
    [2.5, 2.0, 1.6, 1.0]
    """
    if len(values) == 0:
        return float("nan")
    if p == -np.inf:
        return float(values.min())
    if p <= 0 and (values <= 0).any():
        return 0.0
    parts = weights / weights.sum()
    if p == 0:
        return float(np.exp(parts @ np.log(values)))
    return float((parts @ values**p) ** (1 / p))


def gini(values: np.ndarray, weights: np.ndarray) -> float:
    """The weighted Gini coefficient: half the mean difference of two, by the mean; NaN of none.

    Examples
    --------
    >>> gini(np.array([0.0, 1.0]), np.ones(2)), gini(np.ones(3), np.ones(3))
    (0.5, 0.0)
    """
    x, y = lorenz(values, weights)
    return max(0.0, float(1 - np.diff(x) @ (y[1:] + y[:-1]))) if len(values) else float("nan")


def lorenz(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Lorenz curve: part of the people, poorest first, and part of the whole that they have.

    If all have nothing, all have equally much.
    """
    order = np.argsort(values)
    people = np.concatenate([[0.0], np.cumsum(weights[order])])
    wealth = np.concatenate([[0.0], np.cumsum((values * weights)[order])])
    people = people / max(people[-1], np.finfo(float).tiny)
    return people, (wealth / wealth[-1] if wealth[-1] > 0 else people)


def price(rankings: Rankings, result: Aggregation) -> float:
    """The price of proportionality: the part of Kemeny's agreement over all pairs that is lost.

    No outcome agrees with more of the strict pairs on the ballots than Kemeny's. Measured on the prompts
    with up to eight responses; NaN if there are none.

    Examples
    --------
    >>> ballots = [("p", name, "a > b" if name < "d" else "b > a") for name in "abcde"]
    >>> rankings = Rankings.from_ballots(ballots)
    >>> other = Aggregation.from_scores(rankings, np.array([0.0, 1.0]), "mine", {})
    >>> round(price(rankings, other), 3)
    0.333
    """
    best = got = 0.0
    kemeny = get_rule("kemeny")
    for prompts, profiles in rankings.profiles():
        M = profiles.n_responses
        for start in range(0, len(prompts) if M <= LARGEST else 0, CHUNK):
            some = profiles.part(start, min(start + CHUNK, len(prompts)))
            at = rankings.response_starts[prompts[start : start + CHUNK]][:, None] + np.arange(M)
            order = strict_order(kemeny, some)
            best += _agreed(some, np.argsort(order, axis=1))
            got += _agreed(some, result.response_ranks[at])
    return 1 - got / best if best else float("nan")


def _agreed(profiles: Profiles, places: np.ndarray) -> float:
    """The weight of the strict pairs that outcomes, (B, M) places, agree with; ties count half."""
    halves = 1 + np.sign(places[:, None, :] - places[:, :, None])  # (B, M, M): i above j
    return float(((profiles.wins * halves).sum(axis=(1, 2)) / profiles.scale).sum()) / 2
