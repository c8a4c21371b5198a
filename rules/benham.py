"""Benham's rule."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.among import condorcet_winner, majority_signs
from rlchf.rules._parts.elimination import by_repetition, chooser, lowest, places_of


@voting_rule(
    kind="elimination",
    cost="K M^3 + M^4",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "clones", "majority loser",
    ],
    scopes={
        "condorcet loser": "untied eliminations", "smith": "untied eliminations",
        "clones": "untied eliminations", "majority loser": "untied eliminations",
    },
)  # fmt: skip
def benham(profiles: Profiles, *, ties: Ties = "keep") -> Array:
    """Rank by instant runoff until the remaining responses have a Condorcet winner.

    The Condorcet winner beats all other remaining responses by majority, and wins. Until there is one, the
    response with the fewest first places among those remaining is eliminated. The other responses are
    ranked by the same rule, applied again without the winners.

    A first place that t responses share gives 1/t of the ballot to each. A pair that a ballot ties or does
    not compare counts for neither side. On ballots without ties, clones of a response do not change
    who wins, unless responses with first places tie for elimination, since tied responses are eliminated
    together by default. First places count exposure: a response that more ballots rank can be first on
    more.

    Parameters
    ----------
    ties
        "keep": all responses with the fewest first places are eliminated together; those eliminated last
        win together. "lexicographic": the last of them, in the order of the responses, is eliminated alone.

    Returns
    -------
    (B, M) array of scores: the number of responses ranked below.

    References
    ----------
    J. Green-Armytage, "Four Condorcet-Hare hybrid methods for single-winner elections", 2011; he
    ascribes the rule to C. Benham.

    Examples
    --------
    Instant runoff would eliminate b first, which beats both others:

    >>> ballots = ["a > b > c"] * 4 + ["b > a > c"] * 2 + ["c > b > a"] * 3
    >>> benham(Profiles.from_ballots([ballots]))
    array([[1., 2., 0.]])
    """
    xp, ballots, choose = array_namespace(profiles.ranks), places_of(profiles), chooser(ties)
    signs = majority_signs(profiles)

    def losers(remaining: Array) -> Array:
        winner = condorcet_winner(signs, remaining)
        fewest = choose(lowest(ballots.first(remaining), remaining))
        return xp.where(xp.any(winner, axis=0), remaining & ~winner, fewest)

    return by_repetition(profiles, losers)
