"""Schwartz tiers."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.tiers import closure, in_chunks, swapped, tiers


@voting_rule(
    kind="majority",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity", "clones", "majority loser", "participation",
        "local IIA",
    ],
)  # fmt: skip
def schwartz(profiles: Profiles) -> Array:
    """Rank in tiers: the Schwartz set, the Schwartz set of the others, and so on.

    A response reaches another by a chain of majority wins. The Schwartz set, or GOCHA set, holds the
    responses that reach every response by which they are reached. Without pairwise ties it is the Smith
    set; otherwise it may be smaller.

    Returns
    -------
    (B, M) array of scores: the number of lower tiers; higher is better, equal is a tie.

    References
    ----------
    T. Schwartz, "Rationality and the myth of the maximum", 1972.

    Examples
    --------
    a beats b, and c ties with both, so that all three are in the Smith set:

    >>> schwartz(Profiles.from_ballots([["a > b > c", "c > a > b"]]))
    array([[1., 0., 1.]])
    """
    return in_chunks(_tiers, profiles.margins)


def _tiers(margins: Array) -> Array:
    chains = closure(margins > 0)
    return tiers(chains & ~swapped(chains))
