"""Schulze's method."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.defeats import Strength, majority_strengths, strongest_paths
from rlchf.rules._parts.tiers import in_chunks, swapped, tiers


@voting_rule(
    kind="majority",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity", "clones", "majority loser",
    ],
)  # fmt: skip
def schulze(profiles: Profiles, *, strength: Strength = "margins") -> Array:
    """Rank in tiers by strongest paths of majority wins; the first tier are Schulze's winners.

    A path of majority wins is as strong as its weakest win, and i beats j if the strongest path
    from i to j is stronger than the strongest path back. That relation is a strict partial order, and need
    not be a ranking where paths are equally strong. So the responses are ranked in tiers: first those that
    none beats, which are Schulze's winners, then those beaten by the first tier only, and so on. If i
    beats j, i has the higher score.

    Parameters
    ----------
    strength
        Strength of a majority win: its margin ("margins"), or the weight of the ballots for the
        winner ("winning_votes"). They differ if ballots have ties or gaps.

    Returns
    -------
    (B, M) array of scores: the number of lower tiers; higher is better, equal is a tie.

    References
    ----------
    M. Schulze, "A new monotonic, clone-independent, reversal symmetric, and Condorcet-consistent
    single-winner election method", 2011.

    Examples
    --------
    In the cycle a > b > c > a the win of c over a is the weakest:

    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> schulze(Profiles.from_ballots([cycle]))
    array([[2., 1., 0.]])

    The paths between a and b are equally strong, and both win:

    >>> schulze(Profiles.from_ballots([["a > b > c", "b > c > a"]]))
    array([[1., 1., 0.]])
    """
    return in_chunks(_tiers, majority_strengths(profiles, strength))


def _tiers(edges: Array) -> Array:
    """Schulze scores, (M, B), of (M, M, B) strengths of majority_strengths."""
    paths = strongest_paths(edges)
    return tiers(paths > swapped(paths))
