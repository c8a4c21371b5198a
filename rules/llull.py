"""Llull's rule."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule


@voting_rule(
    kind="majority",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity", "majority loser",
    ],
)  # fmt: skip
def llull(profiles: Profiles) -> Array:
    """Score a response by its majority wins and pairwise ties: a tie is worth a win.

    It is Copeland's rule with pairwise ties counted as wins on both sides. A pair that no ballot
    compares is a tie.

    Returns
    -------
    (B, M) array of scores from 0 to M - 1; higher is better, equal is a tie.

    References
    ----------
    R. Llull, "De arte eleccionis", 1299. After G. Hägele, F. Pukelsheim, "Llull's writings on
    electoral systems", 2001.

    Examples
    --------
    a beats b, and both tie with c:

    >>> llull(Profiles.from_ballots([["a > b > c", "c > a > b"]]))
    array([[2., 1., 2.]])
    """
    xp = array_namespace(profiles.ranks)
    return xp.sum(xp.astype(profiles.margins >= 0, xp.float64), axis=2) - 1  # not with oneself
