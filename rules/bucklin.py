"""Bucklin's rule."""

from rlchf.numeric.arrays import Array, array_namespace, device_of, segment_sum
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.exact_sums import by_parts, round_inexact


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "monotonicity",
        "majority loser",
    ],
)  # fmt: skip
def bucklin(profiles: Profiles) -> Array:
    """Rank responses by the first round in which a majority supports them, then by that support.

    In round r a ballot supports the responses that it ranks with fewer than r others above them; so
    it supports all responses that it ties for first from round 1 on. A majority is more than half the
    weight of all ballots, whatever they rank. A response that reaches no majority, because too few
    ballots rank it, comes after those that do, by its support in the last round. So support counts
    exposure: a response that more ballots rank can have more.

    There are as many rounds as responses. The score is the number of rounds that remain when a response
    reaches its majority, plus the share of the weight that supports it then.

    Returns
    -------
    (B, M) array of scores from 0 to M; higher is better, equal is a tie.

    References
    ----------
    C. G. Hoag, G. H. Hallett, "Proportional representation", 1926, on the rule of J. W. Bucklin.

    Examples
    --------
    >>> bucklin(Profiles.from_ballots([["a > b > c"] * 2 + ["b > a > c"] + ["c > b > a"]]))
    array([[1.75, 2.  , 1.  ]])
    """
    return by_parts(_scores, profiles)


def _scores(profiles: Profiles) -> Array:
    xp, ranks = array_namespace(profiles.ranks), profiles.ranks
    M, B = profiles.n_responses, profiles.n_prompts
    places = _places(ranks)
    votes = None if bool(xp.all(profiles.integer_weights == 1)) else profiles.integer_weights
    exact = profiles.is_exact
    totals = profiles.totals
    per_vote = xp.where(totals > 0, totals, xp.ones_like(totals))
    counted = xp.zeros((M, B), dtype=xp.float64, device=device_of(ranks))
    scores = xp.zeros_like(counted)
    waiting = counted == 0
    for r in range(1, M + 1):
        hits = xp.astype(places == r, xp.int32) if votes is None else (places == r) * votes
        counted = counted + segment_sum(hits, profiles.starts)  # exact, so that no rounding adds up
        support = round_inexact(counted.T, exact, totals).T
        reached = waiting & ((2 * support > totals) | (r == M))
        remaining = xp.where(2 * support > totals, M - r, 0)
        scores = xp.where(reached, remaining + support / per_vote, scores)
        waiting = waiting & ~reached
        if not bool(xp.any(waiting)):
            break
    return scores.T


def _places(ranks: Array) -> Array:
    """(M, K) one more than the number of responses ranked above; 0 for the unranked."""
    xp = array_namespace(ranks)
    ranked = ranks > 0
    if bool(xp.all(xp.max(ranks, axis=0) == xp.sum(ranked, axis=0))):  # no ties
        return ranks
    places = xp.astype(ranked, xp.int16)
    for j in range(ranks.shape[0]):
        places += xp.astype((ranks[j] < ranks) & ranked[j], xp.int16)
    return places
