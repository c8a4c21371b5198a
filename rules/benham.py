"""Benham's rule."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.among import condorcet_winner, majorities
from rlchf.rules._parts.elimination import by_repetition, chooser, lowest, places_of


@voting_rule(
    kind="elimination",
    cost="K M^3 + M^4",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet", "clones",
    ],
)  # fmt: skip
def benham(profiles: Profiles, *, ties: Ties = "keep") -> Array:
    """Rank by instant runoff that stops as soon as somebody left beats all others left by majority.

    That response wins; until there is one, whoever has the fewest first places among those left
    goes. The others are ranked by the same rule, applied again to all but the winners.

    A first place that t responses share gives 1/t of the ballot to each. A pair that a ballot ties, or
    says nothing about, counts for neither. Copies of a response neither help nor hurt anybody unless
    responses with first places tie for elimination, as those tied go together by default.

    Parameters
    ----------
    ties
        "keep": all who tie for the fewest first places go together; those who go last win together.
        "lexicographic": one goes at a time, of those tied the last in the order of the responses.

    Returns
    -------
    (B, M) array of scores: how many come after.

    References
    ----------
    J. Green-Armytage, "Four Condorcet-Hare hybrid methods for single-winner elections", 2011, who
    ascribes it to C. Benham.

    Examples
    --------
    Instant runoff would let b go first, who beats both others:

    >>> ballots = ["a > b > c"] * 4 + ["b > a > c"] * 2 + ["c > b > a"] * 3
    >>> benham(Profiles.from_ballots([ballots]))
    array([[1., 2., 0.]])
    """
    xp, ballots, choose = array_namespace(profiles.ranks), places_of(profiles), chooser(ties)
    signs = majorities(profiles)

    def losers(remaining: Array) -> Array:
        winner = condorcet_winner(signs, remaining)
        fewest = choose(lowest(ballots.first(remaining), remaining))
        return xp.where(xp.any(winner, axis=0), remaining & ~winner, fewest)

    return by_repetition(profiles, losers)
