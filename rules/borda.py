"""The Borda count."""

from rlchf.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "condorcet loser",
        "reinforcement", "monotonicity",
    ],
)
def borda(profiles: Profiles) -> Array:
    """Score a response by the responses below it, summed over the ballots.

    A strict complete ballot gives M - 1 points to its first response, M - 2 to its second, and so on.
    A pair that a ballot ties, or says nothing about, gives half a point to each side, so that ties and
    gaps favour nobody (the "symmetric" Borda count for weak orders).

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    J.-C. de Borda, "Mémoire sur les élections au scrutin", 1781. For the link to reward models:
    A. Siththaranjan, C. Laidlaw, D. Hadfield-Menell, "Distributional preference learning", 2023.

    Examples
    --------
    >>> borda(Profiles.from_ballots([["a > b > c", "a > c > b", "b > a > c"]]))
    array([[5., 3., 1.]])
    """
    xp = array_namespace(profiles.ranks)
    comparisons = profiles.totals[:, None] * (profiles.n_responses - 1)  # (B, 1)
    return (comparisons + xp.sum(profiles.margins, axis=2)) / (2 * profiles.unit[:, None])
