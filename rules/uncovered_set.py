"""Tiers by covering: the uncovered set and those below."""

from typing import Literal

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.tiers import in_chunks, swapped, tiers

Variant = Literal["gillies", "fishburn", "bordes", "mckelvey"]


@voting_rule(
    kind="majority",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity", "clones",
    ],
)  # fmt: skip
def uncovered_set(profiles: Profiles, *, variant: Variant = "gillies") -> Array:
    """Rank in tiers by covering: a covers b if it beats b, and is beaten only by who beats b too.

    Covering has no cycles. The first tier is the uncovered set, those whom nobody covers; the next
    are covered by the first tier only, and so on. Whoever covers another has the higher score.

    Parameters
    ----------
    variant
        When a covers b; all are the same where there are no pairwise ties. "gillies": a beats b, and
        everybody who beats a beats b. "bordes": a beats b, and beats everybody whom b beats.
        "mckelvey": both. "fishburn": everybody who beats a beats b, and somebody beats b but not a.

    Returns
    -------
    (B, M) array of scores: the number of lower tiers; higher is better, equal is a tie.

    References
    ----------
    D. B. Gillies, "Solutions to general non-zero-sum games", 1959; P. C. Fishburn, "Condorcet social
    choice functions", 1977; N. R. Miller, "A new solution set for tournaments and majority voting",
    1980. For the variants: J. Duggan, "Uncovered sets", 2013.

    Examples
    --------
    Here a > b > c > a is a cycle that d belongs to as well, since it beats c; but b covers d:

    >>> uncovered_set(Profiles.from_ballots([["a > b > d > c", "b > d > c > a", "c > a > b > d"]]))
    array([[1., 1., 1., 0.]])
    """

    def kernel(margins: Array) -> Array:
        return tiers(_covers(margins > 0, variant))

    return in_chunks(kernel, profiles.margins)


def _covers(beats: Array, variant: Variant) -> Array:
    """Who covers whom, (M, M, B) bool."""
    covers = beats
    if variant == "fishburn":
        open_above = _beat_one_alone(beats)
        return swapped(open_above) & ~open_above
    if variant in ("gillies", "mckelvey"):
        covers = covers & ~_beat_one_alone(beats)
    if variant in ("bordes", "mckelvey"):
        covers = covers & ~swapped(_beat_one_alone(swapped(beats)))
    return covers


def _beat_one_alone(beats: Array) -> Array:
    """Whether somebody beats i who does not beat j, (M, M, B) bool."""
    xp = array_namespace(beats)
    beaten_alone = xp.zeros(beats.shape, dtype=xp.bool, device=device_of(beats))
    for row in beats:  # whom one response beats, (M, B)
        beaten_alone |= row[:, None] & ~row[None]
    return beaten_alone
