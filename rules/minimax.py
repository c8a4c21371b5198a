"""Minimax, the Simpson-Kramer rule."""

from typing import Literal

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule

Variant = Literal["margins", "winning_votes", "pairwise_opposition"]


@voting_rule(
    kind="majority",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "pareto", "majority", "condorcet", "monotonicity",
    ],
)  # fmt: skip
def minimax(profiles: Profiles, *, variant: Variant = "margins") -> Array:
    """Score a response by minus its largest majority loss.

    If all ballots are the same ranking, all responses but the first are tied, since each loses to the first
    by the whole weight.

    Parameters
    ----------
    variant
        The size of a loss: its margin ("margins"); the weight of the ballots against the response
        ("winning_votes"); or that weight in every comparison, lost or not ("pairwise_opposition"). The
        last may reject a Condorcet winner if ballots have ties or gaps. On strict complete ballots all
        three rank alike.

    Returns
    -------
    (B, M) array of scores: minus the largest loss, 0 without a loss; higher is better, equal is a tie.

    References
    ----------
    P. B. Simpson, "On defining areas of voter choice", 1969; G. H. Kramer, "A dynamical model of
    political equilibrium", 1977.

    Examples
    --------
    In the cycle a > b > c > a the margin of c over a is the smallest:

    >>> cycle = Profiles.from_ballots([["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2])
    >>> minimax(cycle)
    array([[-1., -3., -5.]])
    >>> minimax(cycle, variant="winning_votes")
    array([[-5., -6., -7.]])
    """
    xp = array_namespace(profiles.ranks)
    if variant == "margins":
        losses = profiles.margins
    elif variant == "winning_votes":
        losses = profiles.wins * (profiles.margins > 0)
    else:
        losses = profiles.wins
    worst = xp.max(losses, axis=1)  # 0 or more: the diagonal is 0
    return (0.0 - worst) / profiles.scale[:, None]
