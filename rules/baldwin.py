"""Baldwin's rule."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.among import BordaAmong
from rlchf.rules._parts.elimination import by_elimination, chooser, lowest


@voting_rule(
    kind="elimination",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "reinforcement", "majority loser",
    ],
)  # fmt: skip
def baldwin(profiles: Profiles, *, ties: Ties = "keep") -> Array:
    """Rank by elimination of the response with the lowest Borda count among those remaining.

    Responses eliminated later rank higher. A pair that a ballot ties or does not compare gives half a point
    to each side, as in `borda`.

    Parameters
    ----------
    ties
        "keep": all responses with the lowest count are eliminated together and share a place.
        "lexicographic": the last of them, in the order of the responses, is eliminated alone.

    Returns
    -------
    (B, M) array of scores: the number of responses eliminated before.

    References
    ----------
    J. M. Baldwin, "The technique of the Nanson preferential majority system of election", 1926.

    Examples
    --------
    By Borda counts a has 8, b 12 and c 7; without c, b beats a:

    >>> ballots = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > b > a"] * 2
    >>> baldwin(Profiles.from_ballots([ballots]))
    array([[1., 2., 0.]])
    """
    counts, choose = BordaAmong(profiles), chooser(ties)
    return by_elimination(profiles, lambda remaining: choose(lowest(counts(remaining), remaining)))
