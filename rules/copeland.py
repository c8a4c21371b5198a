"""Copeland's rule."""

from rlchf.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule


@voting_rule(
    kind="majority",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity",
    ],
)
def copeland(profiles: Profiles) -> Array:
    """Score a response by its majority wins minus its majority losses.

    Returns
    -------
    (B, M) array of scores from -(M - 1) to M - 1; higher is better, equal is a tie.

    References
    ----------
    A. H. Copeland, "A reasonable social welfare function", 1951.

    Examples
    --------
    >>> copeland(Profiles.from_ballots([["a > b > c", "a > c > b", "b > a > c"]]))
    array([[ 2.,  0., -2.]])
    """
    xp = array_namespace(profiles.ranks)
    return xp.sum(xp.sign(profiles.margins), axis=2)
