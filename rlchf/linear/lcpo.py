"""Leximax Copeland subject to Pareto: a linear reward that agrees with all unanimous pairs."""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from rlchf.aggregation import Aggregation
from rlchf.linear.features import Features, feature_rows
from rlchf.rankings import Rankings

SMALLEST = 1e-7
"""Features that differ by less than this part of the largest difference count as the same."""
EXACT = 1e-9
"""Tolerance of the condition that a gap is at least 1."""

Pair = tuple[int, int]
"""Two rows of the features; the first must have the higher reward."""


@dataclass(frozen=True, eq=False)
class Lcpo:
    """A reward found by `lcpo`, with its ranking.

    Attributes
    ----------
    theta
        (d,) the reward of a response with features x is ``theta @ x``.
    result
        The collective ranking of each prompt; its scores are the rewards.
    """

    theta: np.ndarray
    result: Aggregation


def lcpo(rankings: Rankings, features: Features) -> Lcpo:
    """Rank by leximax Copeland subject to Pareto, and find a linear reward that gives this ranking.

    A ranking is feasible if some linear reward gives it and if it puts i above j wherever all ballots
    do. The first place goes to the response with the highest Copeland score that is first in a
    feasible ranking; the second place is then filled in the same way, and so on. A linear program
    decides whether a response can have a place, so there are O(M^2) programs, with d unknowns each.

    The Copeland score of a response is the number of responses that it beats by a majority. Of equal
    scores the response that comes first in ``rankings`` is preferred. All ballots put i above j if at
    least one ballot compares the two, and all that do put i above j.

    The rule is defined for one prompt. Here all prompts share one reward: their first places are filled
    in the order of the prompts, then their second places, and so on.

    Parameters
    ----------
    rankings
        The ballots.
    features
        For each prompt the feature vector of each response.

    Returns
    -------
    A reward under which neighbours in the ranking are at least 1 apart, and among such rewards one with
    the smallest sum of absolute coefficients.

    Raises
    ------
    ValueError
        If two responses to a prompt have the same features, or no linear reward agrees with all
        unanimous pairs. The latter cannot happen if every annotator ranks all responses by a linear
        reward.

    References
    ----------
    L. Ge, D. Halpern, E. Micha, A. D. Procaccia, I. Shapira, Y. Vorobeychik, J. Wu, "Axioms for AI
    alignment from human feedback", 2024, section 4.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "c > b > a")])
    >>> fitted = lcpo(rankings, {"p": {"a": [2, 1], "b": [1, 1], "c": [0, 0]}})
    >>> fitted.result.ranking("p"), fitted.theta.tolist()
    ([['a'], ['b'], ['c']], [1.0, 0.0])
    """
    rows = feature_rows(rankings, features)
    scale = _largest_difference(rankings, rows)
    rows = rows / scale
    agreed, waiting = _candidates(rankings)
    theta = _reward(rows, agreed, np.zeros(rows.shape[1]))
    if theta is None:
        raise ValueError(_contradiction(rankings, rows, agreed))

    chains: list[list[Pair]] = [[] for _ in waiting]  # every placed response above the next one
    claims: list[list[Pair]] = [[] for _ in waiting]  # the last placed response above all others
    for place in range(1, max(map(len, waiting))):
        for p, candidates in enumerate(waiting):
            if len(candidates) < 2:
                continue
            last_claim, claims[p] = claims[p], []
            fixed = agreed + [pair for pairs in chains + claims for pair in pairs]
            for response in candidates:
                link = [pair for pair in last_claim if pair[1] == response]
                claim = [(response, other) for other in candidates if other != response]
                fitted = _reward(rows, fixed + link + claim, theta)
                if fitted is not None:
                    break
            else:
                raise ValueError(
                    f"{rankings.source}: no response to prompt {rankings.prompt_ids[p]!r} can have "
                    f"place {place}; the features are too similar for the solver"
                )
            theta, claims[p] = fitted, claim
            chains[p] += link
            candidates.remove(response)
    return Lcpo(theta / scale, Aggregation.from_scores(rankings, rows @ theta, "lcpo", {}))


def _largest_difference(rankings: Rankings, rows: np.ndarray) -> float:
    """The largest difference within a prompt; refuse responses to a prompt that differ too little."""
    largest, nearest = 0.0, (np.inf, 0, 0)
    for start, end in itertools.pairwise(rankings.response_starts.tolist()):
        for r in range(start, end - 1):
            differences = np.abs(rows[r + 1 : end] - rows[r]).max(axis=1)
            largest = max(largest, float(differences.max()))
            nearest = min(nearest, (float(differences.min()), r, r + 1 + int(differences.argmin())))
    if nearest[0] <= SMALLEST * largest:
        first, second = (_named(rankings, r) for r in nearest[1:])
        raise ValueError(
            f"{rankings.source}: {first} and {second} have the same features, and no linear reward "
            "tells them apart; leave one of them out"
        )
    return largest


def _candidates(rankings: Rankings) -> tuple[list[Pair], list[list[int]]]:
    """The pairs that all ballots agree on, and each prompt's responses by Copeland score."""
    agreed: list[Pair] = []
    waiting: list[list[int]] = [[] for _ in rankings.prompt_ids]
    for prompts, profiles in rankings.profiles():
        above, beaten = profiles.unanimous, (profiles.margins > 0).sum(axis=2)
        for b, p in enumerate(prompts.tolist()):
            start = int(rankings.response_starts[p])
            agreed += [(start + i, start + j) for i, j in np.argwhere(above[b]).tolist()]
            waiting[p] = (start + np.argsort(-beaten[b], kind="stable")).tolist()
    return sorted(agreed), waiting


def _reward(rows: np.ndarray, pairs: list[Pair], guess: np.ndarray) -> np.ndarray | None:
    """A smallest theta with ``theta @ (rows[i] - rows[j]) >= 1`` for all pairs; None if there is none.

    The guess is the smallest for some of the pairs, and it is returned if it fulfils all of them.
    """
    if not pairs:
        return guess
    first, second = np.array(pairs).T
    gaps = rows[first] - rows[second]
    if (gaps @ guess >= 1 - EXACT).all():
        return guess
    d = rows.shape[1]
    solution = linprog(  # theta is the difference of two vectors that are at least 0
        np.ones(2 * d), A_ub=np.hstack([-gaps, gaps]), b_ub=-np.ones(len(gaps)), method="highs"
    )
    if solution.status == 2:
        return None
    if solution.status != 0:
        raise RuntimeError(f"the solver failed on a linear program: {solution.message}")
    parts = np.asarray(solution.x).reshape(2, d)
    return np.asarray(parts[0] - parts[1])


def _contradiction(rankings: Rankings, rows: np.ndarray, agreed: list[Pair]) -> str:
    """Name a unanimous pair with which no linear reward agrees that agrees with those before it."""
    fits, fails, zero = 0, len(agreed), np.zeros(rows.shape[1])
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if _reward(rows, agreed[:middle], zero) is None:
            fails = middle
        else:
            fits = middle
    above, below = (_named(rankings, r) for r in agreed[fails - 1])
    return (
        f"{rankings.source}: all ballots put {above} above {below}, and no linear reward does that and "
        "agrees with the other unanimous pairs; give more features, or leave ballots out"
    )


def _named(rankings: Rankings, row: int) -> str:
    p = int(np.searchsorted(rankings.response_starts, row, side="right")) - 1
    return f"response {rankings.response_ids[row]!r} of prompt {rankings.prompt_ids[p]!r}"
