"""Leximax Copeland subject to Pareto: a linear reward that keeps to what everybody agrees on."""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from rlchf.aggregation import Aggregation
from rlchf.auditing.violations import unanimous
from rlchf.linear.features import Features, feature_rows
from rlchf.rankings import Rankings

SMALLEST = 1e-7
"""Features that differ by less than this part of the largest difference count as the same."""
EXACT = 1e-9
"""A gap may fall short of 1 by so much."""

Pair = tuple[int, int]
"""Two rows of the features; the first shall have the higher reward."""


@dataclass(frozen=True, eq=False)
class Lcpo:
    """What `lcpo` finds.

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
    feasible ranking; given that, so does the second; and so on. Whether a response can have a place is
    asked of a linear program, so there are O(M^2) of them, with d unknowns each.

    The Copeland score of a response is the number of responses that it beats by a majority. Of equal
    scores the response that comes first in ``rankings`` is preferred. All ballots put i above j if at
    least one of those that compare the two does and none ties them or puts j above.

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
    A reward with rewards of neighbours in the ranking at least 1 apart; among these it has the smallest
    sum of absolute coefficients.

    Raises
    ------
    ValueError
        If two responses to a prompt have the same features, or no linear reward agrees with all
        unanimous pairs. The latter cannot be where every annotator's own ballots are those of a
        linear reward, and each ranks all responses.

    References
    ----------
    L. Ge, D. Halpern, E. Micha, A. D. Procaccia, I. Shapira, Y. Vorobeychik, J. Wu, "Axioms for AI
    alignment from human feedback", 2024, section 4.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b > c"), ("p", "bob", "c > b > a")])
    >>> found = lcpo(rankings, {"p": {"a": [2, 1], "b": [1, 1], "c": [0, 0]}})
    >>> found.result.ranking("p"), found.theta.tolist()
    ([['a'], ['b'], ['c']], [1.0, 0.0])
    """
    rows = feature_rows(rankings, features)
    scale = _largest_difference(rankings, rows)
    rows = rows / scale
    agreed, waiting = _candidates(rankings)
    theta = _reward(rows, agreed, np.zeros(rows.shape[1]))
    if theta is None:
        raise ValueError(_contradiction(rankings, rows, agreed))

    chains: list[list[Pair]] = [[] for _ in waiting]  # every response with a place above the next
    claims: list[list[Pair]] = [[] for _ in waiting]  # the last one with a place above all without
    for place in range(1, max(map(len, waiting))):
        for p, left in enumerate(waiting):
            if len(left) < 2:
                continue
            last, claims[p] = claims[p], []
            fixed = agreed + [pair for part in chains + claims for pair in part]
            found = None
            for response in left:
                link = [pair for pair in last if pair[1] == response]
                claim = [(response, other) for other in left if other != response]
                found = _reward(rows, fixed + link + claim, theta)
                if found is not None:
                    break
            if found is None:
                raise ValueError(
                    f"{rankings.source}: no response to prompt {rankings.prompt_ids[p]!r} can have "
                    f"place {place}; the features are too nearly alike for the solver"
                )
            theta, claims[p] = found, claim
            chains[p] += link
            left.remove(response)
    return Lcpo(theta / scale, Aggregation.from_scores(rankings, rows @ theta, "lcpo", {}))


def _largest_difference(rankings: Rankings, rows: np.ndarray) -> float:
    """The largest difference within a prompt; responses to a prompt that differ too little are refused."""
    largest, nearest = 0.0, (np.inf, 0, 0)
    for start, end in itertools.pairwise(rankings.response_starts.tolist()):
        for r in range(start, end - 1):
            apart = np.abs(rows[r + 1 : end] - rows[r]).max(axis=1)
            largest = max(largest, float(apart.max()))
            nearest = min(nearest, (float(apart.min()), r, r + 1 + int(apart.argmin())))
    if nearest[0] <= SMALLEST * largest:
        one, other = (_named(rankings, r) for r in nearest[1:])
        raise ValueError(
            f"{rankings.source}: {one} and {other} have the same features, and no linear reward "
            "tells them apart; leave one of them out"
        )
    return largest


def _candidates(rankings: Rankings) -> tuple[list[Pair], list[list[int]]]:
    """The pairs that all ballots agree on, and each prompt's responses by Copeland score."""
    agreed: list[Pair] = []
    waiting: list[list[int]] = [[] for _ in rankings.prompt_ids]
    for prompts, profiles in rankings.profiles():
        above, beaten = unanimous(profiles), (profiles.margins > 0).sum(axis=2)
        for b, p in enumerate(prompts.tolist()):
            start = int(rankings.response_starts[p])
            agreed += [(start + i, start + j) for i, j in np.argwhere(above[b]).tolist()]
            waiting[p] = (start + np.argsort(-beaten[b], kind="stable")).tolist()
    return sorted(agreed), waiting


def _reward(rows: np.ndarray, pairs: list[Pair], guess: np.ndarray) -> np.ndarray | None:
    """A smallest theta with ``theta @ (rows[i] - rows[j]) >= 1`` for all pairs, or None.

    The guess is returned if it is one; it is the smallest for some of the pairs.
    """
    if not pairs:
        return guess
    first, second = np.array(pairs).T
    gaps = rows[first] - rows[second]
    if (gaps @ guess >= 1 - EXACT).all():
        return guess
    d = rows.shape[1]
    found = linprog(  # theta is the difference of two vectors that are at least 0
        np.ones(2 * d), A_ub=np.hstack([-gaps, gaps]), b_ub=-np.ones(len(gaps)), method="highs"
    )
    if found.status == 2:
        return None
    if found.status != 0:
        raise RuntimeError(f"the solver gave up on a linear program: {found.message}")
    parts = np.asarray(found.x).reshape(2, d)
    return np.asarray(parts[0] - parts[1])


def _contradiction(rankings: Rankings, rows: np.ndarray, agreed: list[Pair]) -> str:
    """Name a unanimous pair that no linear reward can agree with besides those before it."""
    fits, fails, zero = 0, len(agreed), np.zeros(rows.shape[1])
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if _reward(rows, agreed[:middle], zero) is None:
            fails = middle
        else:
            fits = middle
    one, other = (_named(rankings, r) for r in agreed[fails - 1])
    return (
        f"{rankings.source}: all ballots put {one} above {other}, and no linear reward does that and "
        "agrees with the other unanimous pairs; give more features, or leave ballots out"
    )


def _named(rankings: Rankings, row: int) -> str:
    p = int(np.searchsorted(rankings.response_starts, row, side="right")) - 1
    return f"response {rankings.response_ids[row]!r} of prompt {rankings.prompt_ids[p]!r}"
