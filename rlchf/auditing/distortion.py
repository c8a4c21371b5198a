"""Distortion: how much average utility is lost because ballots say who is preferred, and not by how much."""

import numpy as np

from rlchf.numeric.arrays import to_numpy
from rlchf.profiles import Profiles

STEPS = 200
"""Steps of the search for the worst utilities, which ends long before: each raises the ratio."""


def distortion(
    utilities: np.ndarray, chances: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """The average utility of the best response, divided by the average utility of the outcome.

    The distortion of a rule is the largest such ratio over all utilities; of one outcome, with utilities
    that are known, it says what the outcome loses. Annotators with utility u_i who prefer x to y with
    probability 1 / (1 + exp(-beta (u_i(x) - u_i(y)))), utilities from 0 to 1, give every rule a distortion
    of about beta / 2 or more, which maximal lotteries reach, and RLHF one of about beta or more.

    Parameters
    ----------
    utilities
        (A, M) of each annotator for each response, at least 0, on one scale.
    chances
        (M,) the probability of each response under the outcome; they are divided by their sum.
    weights
        (A,) of the annotators, at least 0; equal by default.

    Returns
    -------
    1 or more; infinite if the outcome has the average utility 0 and another response has not, and 1 if
    none has any.

    Raises
    ------
    ValueError
        If a utility, a chance or a weight is negative or not finite, or all chances or weights are 0.

    References
    ----------
    A. D. Procaccia, J. S. Rosenschein, "The distortion of cardinal preferences in voting", 2006.
    P. Gölz, N. Haghtalab, K. Yang, "Distortion of AI alignment: does preference optimization optimize for
    preferences?", 2025.

    Examples
    --------
    Nine prefer a a little, one prefers b much: the majority winner has a quarter of the utility of b.

    >>> utilities = np.array([[0.1, 0.0]] * 9 + [[0.0, 3.6]])
    >>> distortion(utilities, np.array([1, 0])), distortion(utilities, np.array([0.5, 0.5]))
    (4.0, 1.6)
    """
    table = np.asarray(utilities, dtype=np.float64)
    shares = np.asarray(chances, dtype=np.float64)
    people = np.ones(len(table)) if weights is None else np.asarray(weights, dtype=np.float64)
    if table.ndim != 2 or shares.shape != table.shape[1:] or people.shape != table.shape[:1]:
        raise ValueError(
            f"utilities have shape {table.shape}, chances {shares.shape} and weights {people.shape}; "
            "give (A, M), (M,) and (A,)"
        )
    for name, values in (("utilities", table), ("chances", shares), ("weights", people)):
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(f"the {name} must be finite and 0 or more")
    if not shares.any() or not people.any():
        raise ValueError("the chances, and the weights, must not all be 0")
    means = people @ table / people.sum()
    best, reached = float(means.max()), float(means @ shares / shares.sum())
    if best == 0:
        return 1.0
    return best / reached if reached > 0 else float("inf")


def worst_distortion(profiles: Profiles, chances: np.ndarray) -> np.ndarray:
    """The largest distortion of an outcome over all utilities that fit the ballots and add up to 1 on each.

    Utilities fit a ballot if they fall with its ranks, not necessarily strictly, and are equal where it ties.
    The extreme ones are equal on the ballot's first k levels and 0 below. For each response that might have
    been best, the ballots' levels are chosen so that the ratio of its utility to that of the outcome is
    largest: a ratio is fixed, each ballot takes the level at which it exceeds that ratio most, and the ratio
    rises to that of these levels until it stays (Dinkelbach's method).

    Parameters
    ----------
    profiles
        B prompts with M responses; every ballot with a weight ranks all of them.
    chances
        (B, M) the probability of each response under each prompt's outcome.

    Returns
    -------
    (B,) distortions, 1 or more; infinite where utilities that fit give the outcome none.

    Raises
    ------
    ValueError
        If a ballot with a weight leaves out a response, or a prompt has no chances above 0.

    References
    ----------
    C. Boutilier, I. Caragiannis, S. Haber, T. Lu, A. D. Procaccia, O. Sheffet, "Optimal social choice
    functions: a utilitarian view", 2015. W. Dinkelbach, "On nonlinear fractional programming", 1967.

    Examples
    --------
    Of two annotators who disagree, one may hardly care: either response can be a third as good as the other.

    >>> profiles = Profiles.from_ballots([["a > b", "b > a"]] * 2)
    >>> worst_distortion(profiles, np.array([[1.0, 0.0], [0.5, 0.5]]))
    array([3. , 1.5])
    """
    ranks, weights = to_numpy(profiles.ranks), to_numpy(profiles.weights)
    shares = np.asarray(chances, dtype=np.float64)
    if shares.shape != (profiles.n_prompts, profiles.n_responses) or not (shares >= 0).all():
        raise ValueError(
            f"the chances have shape {shares.shape}; give numbers of 0 or more, one row for each of "
            f"{profiles.n_prompts} prompts and one for each of {profiles.n_responses} responses"
        )
    found = []
    for b in range(profiles.n_prompts):
        columns = slice(int(profiles.starts[b]), int(profiles.starts[b + 1]))
        used = weights[columns] > 0
        ballots, votes = ranks[:, columns][:, used], weights[columns][used]
        if (ballots == 0).any():
            raise ValueError(
                f"prompt {b}: a ballot leaves out a response; utilities may be anything"
            )
        if not shares[b].any():
            raise ValueError(f"prompt {b}: the chances of all responses are 0")
        found.append(_worst(ballots, votes, shares[b] / shares[b].sum()))
    return np.array(found)


def _worst(ranks: np.ndarray, votes: np.ndarray, chances: np.ndarray) -> float:
    """The worst distortion on one prompt of (M, K) ranks."""
    if not len(votes):
        return 1.0
    levels = np.arange(1, len(ranks) + 1)[:, None, None]
    within = ranks <= levels  # (L, M, K) on one of the first levels
    extreme = within / within.sum(axis=1, keepdims=True)  # the utilities of M responses
    reached = np.einsum("lmk,m->lk", extreme, chances)
    return max(_largest_ratio(extreme[:, y], reached, votes) for y in range(len(ranks)))


def _largest_ratio(one: np.ndarray, other: np.ndarray, votes: np.ndarray) -> float:
    """The largest ratio of two sums over ballots, from (L, K) values of which each ballot chooses a level."""
    if not other[0].any() and ((other == 0) & (one > 0)).any():
        return float("inf")
    ratio = 0.0
    for _ in range(STEPS):
        level = np.argmax(one - ratio * other, axis=0)[None]
        above = float(np.take_along_axis(one, level, axis=0)[0] @ votes)
        below = float(np.take_along_axis(other, level, axis=0)[0] @ votes)
        if below == 0 or above / below <= ratio * (1 + 1e-12):
            break
        ratio = above / below
    return ratio
