"""Nanson's rule."""

from typing import Literal

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.among import BordaAmong
from rlchf.rules._parts.elimination import all_responses

Variant = Literal["strict", "weak"]


@voting_rule(
    kind="elimination",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "majority loser",
    ],
)  # fmt: skip
def nanson(profiles: Profiles, *, variant: Variant = "strict") -> Array:
    """Rank by elimination of all responses with a Borda count below the average of those remaining.

    Responses eliminated in a later round rank higher, and those of one round rank by their Borda counts in
    that round. When all counts are equal, the remaining responses win together. A pair that a ballot ties
    or does not compare gives half a point to each side, as in `borda`.

    Parameters
    ----------
    variant
        "strict": responses strictly below the average are eliminated. "weak": those at the average are,
        too, as long as another is above it. The literature has both readings.

    Returns
    -------
    (B, M) array of scores: the number of responses ranked below.

    References
    ----------
    E. J. Nanson, "Methods of election", 1882. On the two variants: E. M. S. Niou, "A note on Nanson's
    rule", 1987.

    Examples
    --------
    By Borda counts a has 8, b 12 and c 7, so a and c are below the average of 9:

    >>> ballots = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > b > a"] * 2
    >>> nanson(Profiles.from_ballots([ballots]))
    array([[1., 2., 0.]])
    """
    xp, borda_among = array_namespace(profiles.ranks), BordaAmong(profiles)
    remaining = all_responses(profiles)
    scores = xp.zeros(remaining.shape, dtype=xp.float64, device=device_of(remaining))
    while bool(xp.any(remaining)):
        counts = borda_among(remaining)  # minus their average
        losers = remaining & (counts < 0 if variant == "strict" else counts <= 0)
        losers = xp.where(xp.any(losers, axis=0), losers, remaining)
        below = (counts[None] < counts[:, None]) & losers[None]  # [i, j]: j is eliminated below i
        n_below = remaining.shape[0] - xp.sum(remaining, axis=0) + xp.sum(below, axis=1)
        scores = xp.where(losers, xp.astype(n_below, xp.float64), scores)
        remaining = remaining & ~losers
    return scores.T
