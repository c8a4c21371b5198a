"""Schulze's method."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.defeats import Strength, majority_strengths, strongest_paths
from rlchf.rules._parts.tiers import in_chunks, swapped


@voting_rule(
    kind="majority",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith",
    ],
)  # fmt: skip
def schulze(profiles: Profiles, *, strength: Strength = "margins") -> Array:
    """Score a response by the number of responses that it beats along strongest paths.

    A path of majority wins is as strong as its weakest win, and i beats j if the strongest path
    from i to j is stronger than the strongest path back. That relation is a strict partial order,
    and the scores extend it: if i beats j, i has the higher score. If margins tie, an unbeaten response,
    which is one of Schulze's winners, may beat few others and have a low score.

    Parameters
    ----------
    strength
        Strength of a majority win: its margin ("margins"), or the weight of the ballots for the
        winner ("winning_votes"). They differ if ballots have ties or gaps.

    Returns
    -------
    (B, M) array of scores from 0 to M - 1; higher is better, equal is a tie.

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
    """
    return in_chunks(_responses_beaten, majority_strengths(profiles, strength))


def _responses_beaten(edges: Array) -> Array:
    """Schulze scores, (M, B), of (M, M, B) strengths of majority_strengths."""
    xp = array_namespace(edges)
    paths = strongest_paths(edges)
    return xp.sum(xp.astype(paths > swapped(paths), xp.float64), axis=1)
