"""The Borda count."""

from typing import Literal

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.exact_sums import margin_sums

Variant = Literal["symmetric", "domination", "weak_domination", "non_domination"]


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "condorcet loser",
        "reinforcement", "monotonicity", "majority loser", "participation", "consistency",
    ],
)  # fmt: skip
def borda(profiles: Profiles, *, variant: Variant = "symmetric") -> Array:
    """Score a response by the number of responses below it, summed over the ballots.

    A strict complete ballot gives M - 1 points to its first response, M - 2 to its second, and so on.
    A pair that a ballot ties or does not compare gives half a point to each side, so that ties and
    gaps favour no response (the "symmetric" Borda count for weak orders).

    Parameters
    ----------
    variant
        How ties and gaps count. Let a ballot rank b responses below response i and a above it, and tie t
        with it. Then i gets (M - 1 + b - a) / 2 points with ``"symmetric"``, b with ``"domination"``,
        b + t with ``"weak_domination"`` and -a with ``"non_domination"``. An unranked response gets
        (M - 1) / 2 points with ``"symmetric"``; in the other variants it gets 0 and is neither above,
        nor tied with, nor below any other. On strict complete ballots all four variants rank alike.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    J.-C. de Borda, "Mémoire sur les élections au scrutin", 1781. For the link to reward models:
    A. Siththaranjan, C. Laidlaw, D. Hadfield-Menell, "Distributional preference learning", 2023.
    For the variants: Z. Terzopoulou, U. Endriss, "The Borda class: an axiomatic study of the Borda
    rule on top-truncated preferences", 2021.

    Examples
    --------
    >>> profiles = Profiles.from_ballots([["a > b > c", "a > c > b", "b > a > c"]])
    >>> borda(profiles)
    array([[5., 3., 1.]])
    >>> borda(profiles, variant="non_domination")
    array([[-1., -3., -5.]])
    """
    xp = array_namespace(profiles.ranks)
    if variant == "symmetric":
        comparisons = profiles.totals[:, None] * (profiles.n_responses - 1)  # (B, 1)
        return (comparisons + margin_sums(profiles)) / (2 * profiles.scale[:, None])
    below, above = xp.sum(profiles.wins, axis=2), xp.sum(profiles.wins, axis=1)
    points = {
        "domination": lambda: below,
        "weak_domination": lambda: xp.sum(profiles.compared, axis=2) - above,
        "non_domination": lambda: 0.0 - above,
    }
    return points[variant]() / profiles.scale[:, None]
