"""Linear rewards from ballots by Bradley and Terry's model, for everybody or annotator by annotator."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from rlchf.linear.features import Features, feature_rows
from rlchf.rankings import Rankings


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Pairs of responses that ballots compare.

    Attributes
    ----------
    above, below
        (C,) rows of the features; a pair that a ballot ties comes once each way, with half the weight.
    weights
        (C,) of the ballots.
    annotators
        (C,) who compared.
    """

    above: np.ndarray
    below: np.ndarray
    weights: np.ndarray
    annotators: np.ndarray

    @classmethod
    def of(cls, rankings: Rankings) -> "Comparisons":
        """All pairs that the ballots name, those of weight 0 left out."""
        columns: list[tuple[np.ndarray, ...]] = []
        for prompts, profiles in rankings.profiles():
            first = rankings.response_starts[prompts][profiles.owners]  # (K,)
            for i in range(profiles.n_responses):
                for j in range(i):
                    one, other = profiles.ranks[i], profiles.ranks[j]
                    both = (one > 0) & (other > 0) & (profiles.weights > 0)
                    for top, low, hit in ((i, j, one <= other), (j, i, other <= one)):
                        k = np.flatnonzero(both & hit)
                        weights = np.where(one[k] == other[k], 0.5, 1.0) * profiles.weights[k]
                        columns.append(
                            (first[k] + top, first[k] + low, weights, profiles.annotators[k])
                        )
        return cls(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))

    def only(self, which: np.ndarray) -> "Comparisons":
        """Some of them, given by a mask or indices."""
        return Comparisons(
            self.above[which], self.below[which], self.weights[which], self.annotators[which]
        )


@dataclass(frozen=True, eq=False)
class Rewards:
    """Every annotator's own linear reward.

    Attributes
    ----------
    annotators
        (A,) their ids; who compares no two responses is left out.
    thetas
        (A, d) annotator a gives a response with features x the reward ``thetas[a] @ x``.
    weights
        (A,) the mean weight of each one's ballots.
    """

    annotators: list[str]
    thetas: np.ndarray
    weights: np.ndarray


def fit_linear(rankings: Rankings, features: Features, *, ridge: float = 1.0) -> np.ndarray:
    """Fit one linear reward to all ballots together, as ordinary RLHF does.

    With r(x) = theta · x it minimises the sum over ballots and the pairs that they rank of
    ``weight * log(1 + exp(r(below) - r(above)))``, plus ``ridge / 2 * theta · theta``. A tie is half a
    comparison each way.

    Parameters
    ----------
    rankings
        The ballots.
    features
        For each prompt the feature vector of each response.
    ridge
        The prior: every coefficient is normal with mean 0 and variance ``1 / ridge``, independent of the
        others. Features should be of similar size. Without it, who never contradicts themselves
        would have a reward without bound.

    Returns
    -------
    (d,) the coefficients of highest posterior probability.

    References
    ----------
    R. A. Bradley, M. E. Terry, "Rank analysis of incomplete block designs: I. The method of paired
    comparisons", 1952.

    Examples
    --------
    Three of four prefer a, which has one more of the only feature: the logarithm of 3 / 1.

    >>> rankings = Rankings.from_ballots([("p", n, "a > b" if n < "d" else "b > a") for n in "abcd"])
    >>> fit_linear(rankings, {"p": {"a": [1.0], "b": [0.0]}}, ridge=1e-9).round(4)
    array([1.0986])
    """
    rows, pairs = feature_rows(rankings, features), Comparisons.of(rankings)
    return _fit(rows, pairs, _positive(ridge))


def fit_annotators(rankings: Rankings, features: Features, *, ridge: float = 1.0) -> Rewards:
    """Fit to each annotator's ballots a linear reward of their own; see `fit_linear`.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
    >>> found = fit_annotators(rankings, {"p": {"a": [1.0, 0.0], "b": [0.0, 0.0]}})
    >>> found.annotators, found.thetas.round(3).tolist()
    (['ann', 'bob'], [[0.401, 0.0], [-0.401, 0.0]])
    """
    rows, pairs = feature_rows(rankings, features), Comparisons.of(rankings)
    ridge = _positive(ridge)
    order = np.argsort(pairs.annotators, kind="stable")
    who, starts = np.unique(pairs.annotators[order], return_index=True)
    thetas = [_fit(rows, pairs.only(part), ridge) for part in np.split(order, starts[1:])]
    ballots = np.bincount(rankings.ballot_annotators, weights=rankings.ballot_counts)
    weight = np.bincount(rankings.ballot_annotators, weights=rankings.ballot_weights)
    return Rewards(
        annotators=[rankings.annotator_ids[a] for a in who.tolist()],
        thetas=np.array(thetas),
        weights=weight[who] / ballots[who],
    )


def loss(
    theta: np.ndarray, rows: np.ndarray, pairs: Comparisons, ridge: float
) -> tuple[float, np.ndarray]:
    """The penalised negative log-likelihood and its gradient, (d,)."""
    rewards = rows @ theta
    behind = rewards[pairs.below] - rewards[pairs.above]
    wrong = pairs.weights * expit(behind)  # the slope of log(1 + exp(behind))
    pull = np.bincount(pairs.below, wrong, len(rows)) - np.bincount(pairs.above, wrong, len(rows))
    value = pairs.weights @ np.logaddexp(0.0, behind) + ridge / 2 * theta @ theta
    return float(value), pull @ rows + ridge * theta


def _fit(rows: np.ndarray, pairs: Comparisons, ridge: float) -> np.ndarray:
    used, both = np.unique(np.concatenate([pairs.above, pairs.below]), return_inverse=True)
    rows = rows[used]
    above, below = np.split(both, 2)
    # the same pair from many ballots is one comparison
    keys, where = np.unique(above * len(used) + below, return_inverse=True)
    together = Comparisons(
        keys // len(used), keys % len(used), np.bincount(where, pairs.weights), np.zeros(0)
    )
    found = minimize(
        loss,
        np.zeros(rows.shape[1]),
        args=(rows, together, ridge),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 10_000, "maxfun": 20_000, "ftol": 0.0, "gtol": 1e-9},
    )
    if found.status == 1:
        raise RuntimeError(
            "the fit did not settle; bring the features to similar size, or give a larger ridge"
        )
    return np.asarray(found.x)


def _positive(ridge: float) -> float:
    if not 0 < ridge < float("inf"):
        raise ValueError(f"ridge is {ridge!r}; give a number above 0, such as 1.0")
    return ridge
