"""Linear Bradley-Terry rewards, fitted to all ballots together or to each annotator's ballots."""

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
        (C,) rows of the features; a pair that a ballot ties is listed in both orders with half the weight.
    weights, annotators
        (C,) the weight of the ballot, and its annotator.
    """

    above: np.ndarray
    below: np.ndarray
    weights: np.ndarray
    annotators: np.ndarray

    @classmethod
    def of(cls, rankings: Rankings) -> "Comparisons":
        """All pairs that ballots with a weight compare."""
        columns: list[tuple[np.ndarray, ...]] = []
        for prompts, profiles in rankings.profiles():
            first = rankings.response_starts[prompts][profiles.owners]  # (K,)
            for i in range(profiles.n_responses):
                for j in range(i):
                    rank_i, rank_j = profiles.ranks[i], profiles.ranks[j]
                    both = (rank_i > 0) & (rank_j > 0) & (profiles.weights > 0)
                    for top, low, above in ((i, j, rank_i <= rank_j), (j, i, rank_j <= rank_i)):
                        k = np.flatnonzero(both & above)
                        weights = np.where(rank_i[k] == rank_j[k], 0.5, 1.0) * profiles.weights[k]
                        pairs = first[k] + top, first[k] + low, weights, profiles.annotators[k]
                        columns.append(pairs)
        return cls(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))

    def only(self, rows: np.ndarray) -> "Comparisons":
        """Some of the pairs, given by a mask or by indices."""
        columns = self.above, self.below, self.weights, self.annotators
        return Comparisons(*(column[rows] for column in columns))


@dataclass(frozen=True, eq=False)
class LinearRewards:
    """The linear reward of each annotator.

    Attributes
    ----------
    annotators
        (A,) the annotators' ids, without annotators who compare no two responses.
    thetas
        (A, d) the coefficients: annotator a's reward of a response with features x is ``thetas[a] @ x``.
    weights
        (A,) the mean weight of each annotator's ballots.
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
        The prior: the coefficients are independent and normal with mean 0 and variance ``1 / ridge``.
        Features should be of similar size. Without a prior, the reward of an annotator who never
        contradicts themselves would be unbounded.

    Returns
    -------
    (d,) the coefficients of maximum posterior probability.

    References
    ----------
    R. A. Bradley, M. E. Terry, "Rank analysis of incomplete block designs: I. The method of paired
    comparisons", 1952.

    Examples
    --------
    Three of four ballots prefer a, whose only feature is larger by 1: the coefficient is log(3 / 1).

    >>> rankings = Rankings.from_ballots([("p", n, "a > b" if n < "d" else "b > a") for n in "abcd"])
    >>> fit_linear(rankings, {"p": {"a": [1.0], "b": [0.0]}}, ridge=1e-9).round(4)
    array([1.0986])
    """
    rows, pairs = feature_rows(rankings, features), Comparisons.of(rankings)
    return fit_comparisons(rows, pairs, _positive(ridge))


def fit_annotators(rankings: Rankings, features: Features, *, ridge: float = 1.0) -> LinearRewards:
    """Fit a linear reward to each annotator's ballots; see `fit_linear`.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")])
    >>> rewards = fit_annotators(rankings, {"p": {"a": [1.0, 0.0], "b": [0.0, 0.0]}})
    >>> rewards.annotators, rewards.thetas.round(3).tolist()
    (['ann', 'bob'], [[0.401, 0.0], [-0.401, 0.0]])
    """
    rows, pairs = feature_rows(rankings, features), Comparisons.of(rankings)
    ridge = _positive(ridge)
    order = np.argsort(pairs.annotators, kind="stable")
    annotators, starts = np.unique(pairs.annotators[order], return_index=True)
    thetas = [
        fit_comparisons(rows, pairs.only(part), ridge) for part in np.split(order, starts[1:])
    ]
    ballots = np.bincount(rankings.ballot_annotators, weights=rankings.ballot_counts)
    weight = np.bincount(rankings.ballot_annotators, weights=rankings.ballot_weights)
    return LinearRewards(
        annotators=[rankings.annotator_ids[a] for a in annotators.tolist()],
        thetas=np.array(thetas),
        weights=weight[annotators] / ballots[annotators],
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


def fit_comparisons(rows: np.ndarray, pairs: Comparisons, ridge: float) -> np.ndarray:
    """(d,) the coefficients for some comparisons of rows of features, (R, d); see `fit_linear`."""
    used, both = np.unique(np.concatenate([pairs.above, pairs.below]), return_inverse=True)
    rows = rows[used]
    above, below = np.split(both, 2)
    # a pair that many ballots compare is one comparison
    keys, key_of = np.unique(above * len(used) + below, return_inverse=True)
    weights = np.bincount(key_of, pairs.weights)
    merged = Comparisons(*np.divmod(keys, len(used)), weights, np.zeros(0))
    result = minimize(
        loss,
        np.zeros(rows.shape[1]),
        args=(rows, merged, ridge),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 10_000, "maxfun": 20_000, "ftol": 0.0, "gtol": 1e-9},
    )
    if result.status == 1:
        raise RuntimeError(
            "the fit did not converge; bring the features to similar size, or give a larger ridge"
        )
    return np.asarray(result.x)


def _positive(ridge: float) -> float:
    if not 0 < ridge < float("inf"):
        raise ValueError(f"ridge is {ridge!r}; give a number above 0, such as 1.0")
    return ridge
