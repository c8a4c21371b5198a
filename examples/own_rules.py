"""Two voting rules that are not part of rlchf: one of one prompt at a time, and one across prompts."""

import numpy as np

from rlchf import Aggregation, Profiles, Rankings
from rlchf.numeric.arrays import Array, segment_sum
from rlchf.rules import voting_rule


@voting_rule(kind="positional", cost="K M^2", axioms=["anonymity", "neutrality", "homogeneity"])
def borda_and_first(profiles: Profiles, *, worth: int = 1) -> Array:
    """Score a response by the responses below it on each ballot, and by its first places.

    Parameters
    ----------
    worth
        The points of a first place.

    References
    ----------
    You, "Why first places matter", 2026.

    Examples
    --------
    >>> borda_and_first(Profiles.from_ballots([["a > b > c", "b > c > a"]]))
    array([[3., 4., 1.]])
    """
    first = (profiles.ranks == 1) * profiles.integer_weights  # (M, K)
    points = profiles.wins.sum(axis=2) + worth * segment_sum(first, profiles.starts).T  # (B, M)
    return points / profiles.scale[:, None]


@voting_rule(kind="across prompts", cost="K M", any_device=False)
def patient_plurality(rankings: Rankings, *, patience: int = 1) -> Aggregation:
    """Count first places; a ballot counts the less, the more prompts its first place has won so far.

    A ballot counts its weight divided by 1 + patience * w, where w is the number of earlier prompts on which
    its annotator's first place has won. Of responses with equal scores the one that comes first wins.
    """
    won = np.zeros(len(rankings.annotator_ids))  # (A,)
    scores = np.zeros(len(rankings.response_ids))  # (R,)
    for p in range(rankings.n_prompts):
        ballots = rankings.batch(np.array([p]))  # the Profiles of one prompt
        first = ballots.ranks == 1  # (M, K)
        counts = ballots.weights / (1 + patience * won[ballots.annotators])  # (K,)
        points = (first @ counts).round(9)  # (M,); fractions: rounding must not decide
        winner = points.argmax()  # the first of those with the most points
        won[ballots.annotators[first[winner]]] += 1
        scores[rankings.response_starts[p] : rankings.response_starts[p + 1]] = points
    come_first = -np.arange(len(scores))
    return Aggregation.from_scores(
        rankings, scores, "patient_plurality", {"patience": patience}, preferred=come_first
    )
