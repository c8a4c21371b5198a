"""Instant-runoff voting."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.elimination import by_elimination, chooser, lowest, places_of


@voting_rule(
    kind="elimination",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "pareto", "majority", "condorcet loser",
        "reinforcement", "clones", "majority loser",
    ],
    scopes={
        "condorcet loser": "strict eliminations", "clones": "untied eliminations",
        "majority loser": "untied eliminations",
    },
)  # fmt: skip
def instant_runoff(profiles: Profiles, *, ties: Ties = "keep") -> Array:
    """Rank by elimination of the response with the fewest first places among those remaining.

    Responses eliminated later rank higher. A first place that t responses share gives 1/t of the ballot to
    each. A ballot that ranks none of the remaining responses no longer counts. First places count
    exposure: a response that more ballots rank can be first on more.

    Clones of a response share its first places and inherit them from each other, so that on ballots without
    ties they do not change who wins, unless responses with first places tie for elimination: tied responses
    are eliminated together by default. For the same reason, all responses without first places share the
    last place. On a ballot that ties a response with others for first, clones change what each gets.

    Parameters
    ----------
    ties
        "keep": all responses with the fewest first places are eliminated together and share a place.
        "lexicographic": the last of them, in the order of the responses, is eliminated alone.

    Returns
    -------
    (B, M) array of scores: the number of responses eliminated before.

    References
    ----------
    T. Hare, "A treatise on the election of representatives", 1859, for several seats; W. R. Ware, 1871,
    for one. As a ranking: R. Freeman, M. Brill, V. Conitzer, "On the axiomatic characterization of
    runoff voting rules", 2014.

    Examples
    --------
    After c is eliminated, its two ballots count for b:

    >>> ballots = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > b > a"] * 2
    >>> instant_runoff(Profiles.from_ballots([ballots]))
    array([[1., 2., 0.]])
    """
    ballots, choose = places_of(profiles), chooser(ties)
    return by_elimination(
        profiles, lambda remaining: choose(lowest(ballots.first(remaining), remaining))
    )
