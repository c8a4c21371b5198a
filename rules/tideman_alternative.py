"""Tideman's alternative rule."""

from typing import Literal

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.among import majority_signs, schwartz_set, smith_set
from rlchf.rules._parts.elimination import by_repetition, chooser, lowest, places_of

TopSet = Literal["smith", "schwartz"]


@voting_rule(
    kind="elimination",
    cost="K M^3 + M^5",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "clones", "majority loser",
    ],
    scopes={"clones": "untied eliminations"},
)  # fmt: skip
def tideman_alternative(
    profiles: Profiles, *, top_set: TopSet = "smith", ties: Ties = "keep"
) -> Array:
    """Rank by eliminating in turn all outside the Smith set and the response with fewest first places.

    The Smith set is the smallest set of remaining responses that each beat all others outside it by
    majority. The response that remains to the end wins. The other responses are ranked by the same rule,
    applied again without the winners.

    A first place that t responses share gives 1/t of the ballot to each. A pair that a ballot ties or does
    not compare counts for neither side. On ballots without ties, clones of a response do not change
    who wins, unless responses with first places tie for elimination, since tied responses are eliminated
    together by default. First places count exposure: a response that more ballots rank can be first on
    more.

    Parameters
    ----------
    top_set
        "smith", or "schwartz": the union of the minimal sets that no response outside beats. They are the
        same without pairwise ties.
    ties
        "keep": all responses with the fewest first places are eliminated together; those eliminated last
        win together. "lexicographic": the last of them, in the order of the responses, is eliminated alone.

    Returns
    -------
    (B, M) array of scores: the number of responses ranked below.

    References
    ----------
    T. N. Tideman, "Collective decisions and voting", 2006. Under the names "alternative Smith" and
    "alternative Schwartz": J. Green-Armytage, "Four Condorcet-Hare hybrid methods for single-winner
    elections", 2011.

    Examples
    --------
    d loses to all others and is eliminated; in the cycle a > b > c > a, c has the fewest first places:

    >>> ballots = ["a > b > c > d"] * 4 + ["b > c > a > d"] * 3 + ["c > a > b > d"] * 2
    >>> tideman_alternative(Profiles.from_ballots([ballots]))
    array([[3., 2., 1., 0.]])
    """
    xp, ballots, choose = array_namespace(profiles.ranks), places_of(profiles), chooser(ties)
    signs = majority_signs(profiles)
    top = smith_set if top_set == "smith" else schwartz_set

    def losers(remaining: Array) -> Array:
        outside = remaining & ~top(signs, remaining)
        fewest = choose(lowest(ballots.first(remaining), remaining))
        return xp.where(xp.any(outside, axis=0), outside, fewest)

    return by_repetition(profiles, losers)
