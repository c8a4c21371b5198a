"""Welfare and equality of agreement over the annotators."""

from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.numeric.chunks import chunks
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings
from rlchf.rules import get_rule
from rlchf.ties import strict_order

CHUNK = 20_000  # prompts
LARGEST = 8
"""Largest number of responses of the prompts on which the price of fairness is measured."""


@dataclass(frozen=True)
class Welfare:
    """Summary of the annotators' shares of agreement, u; each annotator counts by their mean weight.

    Attributes
    ----------
    annotators
        Number of annotators with a share.
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
    """Summarise shares of agreement, (A,); NaN and weights of 0 are left out.

    Examples
    --------
    >>> summary = welfare(np.array([0.5, 1.0, 0.0]), np.ones(3))
    >>> summary.mean, summary.nash, summary.minimum
    (0.5, 0.0, 0.0)
    """
    present = ~np.isnan(shares) & (weights > 0)
    u, w = shares[present], weights[present]
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
    ballots = np.bincount(rankings.ballot_annotators, ~rankings.is_reverse, A)
    total = np.bincount(rankings.ballot_annotators, rankings.ballot_weights, A)
    return np.asarray(total / np.maximum(ballots, 1))


def p_mean(values: np.ndarray, weights: np.ndarray, p: float) -> float:
    """The weighted power mean of values that are at least 0; NaN if there are none.

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
    """The weighted Gini coefficient: half the mean absolute difference, divided by the mean.

    It is NaN if there are no values.

    Examples
    --------
    >>> gini(np.array([0.0, 1.0]), np.ones(2)), gini(np.ones(3), np.ones(3))
    (0.5, 0.0)
    """
    x, y = lorenz(values, weights)
    return max(0.0, float(1 - np.diff(x) @ (y[1:] + y[:-1]))) if len(values) else float("nan")


def lorenz(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Lorenz curve: cumulative share of the weight, lowest value first, and of the values.

    If all values are 0, they are equal.
    """
    order = np.argsort(values)
    weight = np.concatenate([[0.0], np.cumsum(weights[order])])
    value = np.concatenate([[0.0], np.cumsum((values * weights)[order])])
    weight = weight / max(weight[-1], np.finfo(float).tiny)
    return weight, (value / value[-1] if value[-1] > 0 else weight)


def price_of_fairness(rankings: Rankings, result: Aggregation) -> float:
    """The part of the utilitarian optimum that the outcome gives up: its loss of agreement against Kemeny.

    No outcome agrees with more of the strict pairs on the ballots than an order that is optimal for
    Kemeny's rule. A pair that the outcome ties counts half, unless Kemeny's rule ties it too, because several
    orders are optimal: such a tie costs nothing, and neither does the whole ranking of Kemeny's rule. The
    price is measured on the prompts with up to eight responses; NaN if there are none.

    References
    ----------
    D. Bertsimas, V. F. Farias, N. Trichakis, "The price of fairness", 2011.

    Examples
    --------
    >>> ballots = [("p", name, "a > b" if name < "d" else "b > a") for name in "abcde"]
    >>> rankings = Rankings.from_ballots(ballots)
    >>> minority = Aggregation.from_scores(rankings, np.array([0.0, 1.0]), "minority", {})
    >>> round(price_of_fairness(rankings, minority), 3)
    0.333
    """
    best = agreed = 0.0
    kemeny = get_rule("kemeny")
    for prompts, profiles in rankings.profiles():
        M = profiles.n_responses
        if M > LARGEST:
            continue
        for part in chunks(len(prompts), 1, CHUNK):
            chunk = profiles.part(part.start, part.stop)
            begins = rankings.response_starts[prompts[part]]
            order = strict_order(kemeny, chunk)
            strict = np.argsort(order, axis=1)
            ranks = result.response_ranks[begins[:, None] + np.arange(M)]
            kept = -kemeny(chunk)
            most = _agreed(chunk, _signs(strict))
            same = (_signs(ranks) == _signs(kept)).all(axis=(1, 2))
            reached = np.minimum(_agreed(chunk, _signs(ranks, kept, strict)), most)
            best += float(most.sum())
            agreed += float(np.where(same, most, reached).sum())
    return 1 - agreed / best if best else float("nan")


def _signs(
    ranks: np.ndarray, kept: np.ndarray | None = None, strict: np.ndarray | None = None
) -> np.ndarray:
    """(B, M, M) 1 where i is above j, -1 below, 0 tied; a pair tied in ``kept`` too is as in ``strict``."""
    signs = np.sign(ranks[:, None, :] - ranks[:, :, None])
    if kept is None or strict is None:
        return np.asarray(signs)
    return np.where((signs == 0) & (_signs(kept) == 0), _signs(strict), signs)


def _agreed(profiles: Profiles, signs: np.ndarray) -> np.ndarray:
    """(B,) weight of the strict pairs with which outcomes, (B, M, M) signs, agree; ties count half."""
    return np.asarray((profiles.wins * (1 + signs)).sum(axis=(1, 2)) / profiles.scale / 2)
