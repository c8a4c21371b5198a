"""Nanson's rule."""

from typing import Literal

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.among import BordaAmong
from rlchf.rules._parts.elimination import everybody

Variant = Literal["strict", "weak"]


@voting_rule(
    kind="elimination",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith",
    ],
)  # fmt: skip
def nanson(profiles: Profiles, *, variant: Variant = "strict") -> Array:
    """Rank by elimination: all whose Borda count among those left is below the average go together.

    Who goes in a later round ranks higher, and those of one round rank by their Borda counts in that
    round. When all counts are equal, those left win together. A pair that a ballot ties, or says
    nothing about, gives half a point to each side, as in `borda`.

    Parameters
    ----------
    variant
        "strict": those strictly below the average go. "weak": those at the average go with them, as
        long as there is somebody above it. The literature has both readings.

    Returns
    -------
    (B, M) array of scores: how many rank below.

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
    remaining = everybody(profiles)
    scores = xp.zeros(remaining.shape, dtype=xp.float64, device=device_of(remaining))
    while bool(xp.any(remaining)):
        counts = borda_among(remaining)  # from their average
        out = remaining & (counts < 0 if variant == "strict" else counts <= 0)
        out = xp.where(xp.any(out, axis=0), out, remaining)
        below = (counts[None] < counts[:, None]) & out[None]  # [i, j]: j goes too, and below i
        gone = remaining.shape[0] - xp.sum(remaining, axis=0) + xp.sum(below, axis=1)
        scores = xp.where(out, xp.astype(gone, xp.float64), scores)
        remaining = remaining & ~out
    return scores.T
