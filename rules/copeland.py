"""Copeland's rule."""

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
def copeland(profiles: Profiles, *, tie: float = 0.0) -> Array:
    """Score a response by its majority wins minus its majority losses.

    A pair that no ballot compares is a pairwise tie.

    Parameters
    ----------
    tie
        The value of a pairwise tie, between -1 for a loss and 1 for a win. In the family Copeland^α a
        loss is worth 0, a tie α and a win 1, so that ``tie = 2 α - 1``: 0 for Copeland's α = 1/2, and 1 for
        Llull's α = 1. Wins, losses and ties are whole numbers, so that 0 and binary fractions such as 1/4
        keep equal scores equal; other values may not.

    Returns
    -------
    (B, M) array of scores from -(M - 1) to M - 1; higher is better, equal is a tie.

    References
    ----------
    A. H. Copeland, "A reasonable social welfare function", 1951. For the value of ties:
    P. Faliszewski, E. Hemaspaandra, L. A. Hemaspaandra, J. Rothe, "Llull and Copeland voting
    computationally resist bribery and constructive control", 2009.

    Examples
    --------
    >>> copeland(Profiles.from_ballots([["a > b > c", "a > c > b", "b > a > c"]]))
    array([[ 2.,  0., -2.]])
    >>> copeland(Profiles.from_ballots([["a > b > c", "c > a > b"]]), tie=1)
    array([[2., 0., 2.]])
    """
    if not -1 <= tie <= 1:
        raise ValueError(f"tie is {tie}; choose a value from -1, a loss, to 1, a win")
    xp = array_namespace(profiles.ranks)
    scores = xp.sum(xp.sign(profiles.margins), axis=2)
    if tie:
        ties = xp.sum(xp.astype(profiles.margins == 0, xp.float64), axis=2) - 1  # not with oneself
        scores = scores + tie * ties
    return scores
