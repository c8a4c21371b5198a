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
    """Score a response by its worst majority loss: the smaller, the better.

    Unanimous ballots tie all but their first response, since each of the others loses to it by
    everything.

    Parameters
    ----------
    variant
        How bad a loss is: by its margin ("margins"); by the weight of the ballots against the response
        ("winning_votes"); or by that weight in every comparison, lost or not
        ("pairwise_opposition"). The last may reject a response that beats all others, when
        ballots have ties or gaps. On strict complete ballots all three rank alike.

    Returns
    -------
    (B, M) array of scores: minus the worst loss, 0 without one; higher is better, equal is a tie.

    References
    ----------
    P. B. Simpson, "On defining areas of voter choice", 1969; G. H. Kramer, "A dynamical model of
    political equilibrium", 1977.

    Examples
    --------
    Of the cycle a > b > c > a the margin of c over a is the smallest:

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
