"""Perpetual PAV over rankings."""

from operator import itemgetter

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings
from rlchf.rules import get_rule, is_across, voting_rule
from rlchf.ties import strict_order


@voting_rule(
    kind="across prompts",
    cost="K M^2 + the base rule",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def perpetual_pav(rankings: Rankings, *, base: str = "kemeny") -> Aggregation:
    """Rank prompt after prompt, giving those more say who got their way less often so far.

    A pair of responses is contested if one ballot puts the first above the second and another the
    second above the first. An annotator's satisfaction S is the sum, over the prompts so far, of the
    share of the contested pairs that the outcome orders as the annotator's ballot does; a pair that the
    ballot ties or does not rank is no agreement. On each prompt the base rule sees every ballot with
    its weight divided by 1 + S, and its ties are broken by the order of the responses. Prompts on which
    nothing is contested change nobody's satisfaction; an annotator's second ballot on a prompt shares
    the gain with the first.

    So the result depends on the order of the prompts, and a lasting minority gets its way from time to
    time, however the majority votes.

    Parameters
    ----------
    base
        The rule, one that looks at one prompt at a time, that ranks each prompt.

    Returns
    -------
    Aggregation, with scores M - 1 (first) to 0 (last): strict orders.

    References
    ----------
    M. Lackner, "Perpetual voting: fairness in long-term decision making", 2020, for approval ballots.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = perpetual_pav(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0] for p in range(5)]
    [['plain'], ['emoji'], ['plain'], ['emoji'], ['plain']]
    """
    rule = get_rule(base)
    if is_across(rule):
        raise ValueError(
            f"base is {base!r}, which looks across prompts itself; choose another rule"
        )
    batches = [
        (prompt, b, profiles)
        for prompts, profiles in rankings.profiles()
        for b, prompt in enumerate(prompts.tolist())
    ]
    satisfaction = np.zeros(len(rankings.annotator_ids))
    scores = np.empty(len(rankings.response_ids))
    for prompt, b, batch in sorted(batches, key=itemgetter(0)):
        at = slice(int(batch.starts[b]), int(batch.starts[b + 1]))
        annotators, above = batch.annotators[at], _above(batch.ranks[:, at])
        say = batch.weights[at] / (1 + satisfaction[annotators])
        order = strict_order(rule, _one_prompt(batch, at, say, above))[0]
        scores[rankings.response_starts[prompt] + order] = np.arange(len(order) - 1, -1, -1)
        present, who, ballots = np.unique(annotators, return_inverse=True, return_counts=True)
        agreed = _agreement(above, batch.weights[at], order)
        satisfaction[present] += np.bincount(who, agreed) / ballots
    return Aggregation.from_scores(rankings, scores, "perpetual_pav", {"base": base})


def _one_prompt(batch: Profiles, at: slice, weights: np.ndarray, above: np.ndarray) -> Profiles:
    """The ballots ``at`` of a batch, those of one prompt, with other weights."""
    scores = None if batch.scores is None else batch.scores[:, at]
    starts = np.array([0, at.stop - at.start])
    profiles = Profiles(batch.ranks[:, at], starts, weights, batch.annotators[at], scores)
    vars(profiles)["wins"] = (above @ profiles.votes)[
        None
    ]  # the cached property, found more quickly
    return profiles


def _above(ranks: np.ndarray) -> np.ndarray:
    """(M, M, K) bool: ballot k ranks i above j."""
    return (ranks[:, None] < ranks) & (ranks[:, None] > 0)


def _agreement(above: np.ndarray, weights: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(K,) the share of one prompt's contested pairs on which each ballot agrees with an order."""
    wins = above @ (weights > 0)
    contested = (wins & wins.T)[np.ix_(order, order)]
    first, second = np.nonzero(np.triu(contested, 1))
    agreed: np.ndarray = above[order[first], order[second]].sum(axis=0)
    return agreed / max(len(first), 1)
