"""Bottom-two-runoff."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.among import majority_signs, net_wins
from rlchf.rules._parts.elimination import by_elimination, chooser, last, lowest, places_of


@voting_rule(
    kind="elimination",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "majority loser",
    ],
    scopes={
        "condorcet loser": "strict eliminations", "smith": "strict eliminations",
        "majority loser": "untied eliminations",
    },
)  # fmt: skip
def bottom_two_runoff(profiles: Profiles, *, ties: Ties = "keep") -> Array:
    """Rank by elimination of the majority loser of the two responses with the fewest first places.

    Responses eliminated later rank higher. A first place that t responses share gives 1/t of the ballot to
    each. A pair that a ballot ties or does not compare counts for neither side.

    Parameters
    ----------
    ties
        "keep": where first places tie, all responses that may be among the two meet, and the one with the
        fewest wins minus losses against the others is eliminated; tied ones are eliminated together and
        share a place. "lexicographic": one response is eliminated at a time; the last of the tied ones, in
        the order of the responses, is among the two, and is eliminated.

    Returns
    -------
    (B, M) array of scores: the number of responses eliminated before.

    References
    ----------
    R. LeGrand, on a mailing list on instant runoff, 2002; J. Kok named it "bottom-two-runoff IRV"
    (BTR-IRV) in 2005.

    Examples
    --------
    b and c have the fewest first places, and b beats c:

    >>> ballots = ["a > b > c"] * 4 + ["b > a > c"] * 2 + ["c > b > a"] * 3
    >>> bottom_two_runoff(Profiles.from_ballots([ballots]))
    array([[1., 2., 0.]])
    """
    xp, ballots, signs = (
        array_namespace(profiles.ranks),
        places_of(profiles),
        majority_signs(profiles),
    )
    choose = chooser(ties)

    def losers(remaining: Array) -> Array:
        """The fewest wins minus losses among all responses that may be among the two."""
        first = ballots.first(remaining)
        fewest = lowest(first, remaining)
        alone = xp.sum(fewest, axis=0) == 1
        bottom = fewest | lowest(first, remaining & ~fewest) & alone
        return lowest(net_wins(signs, bottom), bottom, votes=False)

    def last_loser(remaining: Array) -> Array:
        first = ballots.first(remaining)
        one = last(lowest(first, remaining))
        bottom = one | last(lowest(first, remaining & ~one))
        return choose(lowest(net_wins(signs, bottom), bottom, votes=False))

    return by_elimination(profiles, losers if ties == "keep" else last_loser)
