"""Bottom-two-runoff."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.among import majorities, net_wins
from rlchf.rules._parts.elimination import by_elimination, chooser, last, lowest, places_of


@voting_rule(
    kind="elimination",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
    ],
)  # fmt: skip
def bottom_two_runoff(profiles: Profiles, *, ties: Ties = "keep") -> Array:
    """Rank by elimination: of the two with fewest first places, whoever loses to the other goes.

    Who goes later ranks higher. A first place that t responses share gives 1/t of the ballot to each. A pair
    that a ballot ties, or says nothing about, counts for neither.

    Parameters
    ----------
    ties
        "keep": where first places tie, all who may be among the two meet, and whoever has the fewest
        wins less losses against the others goes; those tied go together and share a place.
        "lexicographic": one goes at a time; of those tied the last in the order of the responses is
        among the two, and goes.

    Returns
    -------
    (B, M) array of scores: how many went before.

    References
    ----------
    R. LeGrand, on a mailing list on instant runoff, 2002; named "bottom-two-runoff IRV" (BTR-IRV) by
    J. Kok, 2005.

    Examples
    --------
    b and c have the fewest first places, and b beats c:

    >>> ballots = ["a > b > c"] * 4 + ["b > a > c"] * 2 + ["c > b > a"] * 3
    >>> bottom_two_runoff(Profiles.from_ballots([ballots]))
    array([[1., 2., 0.]])
    """
    xp, ballots, signs = array_namespace(profiles.ranks), places_of(profiles), majorities(profiles)
    choose = chooser(ties)

    def goes(remaining: Array) -> Array:
        """Of all who may be among the two, whoever has the fewest wins less losses against them."""
        first = ballots.first(remaining)
        fewest = lowest(first, remaining)
        alone = xp.sum(fewest, axis=0) == 1
        bottom = fewest | lowest(first, remaining & ~fewest) & alone
        return lowest(net_wins(signs, bottom), bottom)

    def goes_alone(remaining: Array) -> Array:
        first = ballots.first(remaining)
        one = last(lowest(first, remaining))
        bottom = one | last(lowest(first, remaining & ~one))
        return choose(lowest(net_wins(signs, bottom), bottom))

    return by_elimination(profiles, goes if ties == "keep" else goes_alone)
