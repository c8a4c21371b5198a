"""Black's rule."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules.borda import borda


@voting_rule(
    kind="majority",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "monotonicity", "majority loser",
    ],
)  # fmt: skip
def black(profiles: Profiles) -> Array:
    """Put the Condorcet winner first, if there is one, and rank the others by the Borda count.

    A Condorcet winner beats every other response by a majority. The Borda count is the symmetric
    one: a pair that a ballot ties or does not compare gives half a point to each side.

    Returns
    -------
    (B, M) array of Borda scores, to which a Condorcet winner adds the largest Borda score possible:
    M - 1 per unit of weight. Higher is better, equal is a tie.

    References
    ----------
    D. Black, "The theory of committees and elections", 1958.

    Examples
    --------
    Three of five ballots prefer a to b, but b has the higher Borda score:

    >>> black(Profiles.from_ballots([["a > b > c"] * 3 + ["b > c > a"] * 2]))
    array([[16.,  7.,  2.]])
    """
    xp = array_namespace(profiles.ranks)
    most = (profiles.n_responses - 1) * profiles.totals / profiles.scale  # (B,)
    wins = xp.sum(xp.astype(profiles.margins > 0, xp.float64), axis=2)
    first = xp.astype(wins == profiles.n_responses - 1, xp.float64)
    return borda(profiles) + first * most[:, None]
