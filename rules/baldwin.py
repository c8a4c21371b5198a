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
        "condorcet loser", "smith", "reinforcement",
    ],
)  # fmt: skip
def baldwin(profiles: Profiles, *, ties: Ties = "keep") -> Array:
    """Rank by elimination: whoever has the lowest Borda count among those left goes next.

    Who goes later ranks higher. A pair that a ballot ties, or says nothing about, gives half a point to
    each side, as in `borda`.

    Parameters
    ----------
    ties
        "keep": all who tie for the lowest count go together and share a place.
        "lexicographic": one goes at a time, of those tied the last in the order of the responses.

    Returns
    -------
    (B, M) array of scores: how many went before.

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
