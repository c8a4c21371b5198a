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
        "condorcet loser", "smith", "monotonicity", "clones", "majority loser", "participation",
    ],
)  # fmt: skip
def uncovered_set(profiles: Profiles, *, variant: Variant = "gillies") -> Array:
    """Rank in tiers by covering: a covers b if a beats b and every response that beats a beats b.

    Covering has no cycles. The first tier is the uncovered set, the responses that no other covers; the next
    tier is covered by the first tier only, and so on. A response has a higher score than those it covers.

    Parameters
    ----------
    variant
        The definition of "a covers b"; without pairwise ties all are the same. "gillies": a beats b, and
        every response that beats a beats b. "bordes": a beats b, and a beats every response that b beats.
        "mckelvey": both. "fishburn": every response that beats a beats b, and some response beats b but
        not a.

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
    a > b > c > a is a cycle, and d is in the Smith set, too, since it beats c; but b covers d:

    >>> uncovered_set(Profiles.from_ballots([["a > b > d > c", "b > d > c > a", "c > a > b > d"]]))
    array([[1., 1., 1., 0.]])
    """

    def kernel(margins: Array) -> Array:
        return tiers(_covers(margins > 0, variant))

    return in_chunks(kernel, profiles.margins)


def _covers(beats: Array, variant: Variant) -> Array:
    """Whether i covers j, (M, M, B) bool."""
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
    """Whether some response beats i but not j, (M, M, B) bool."""
    xp = array_namespace(beats)
    beaten_alone = xp.zeros(beats.shape, dtype=xp.bool, device=device_of(beats))
    for row in beats:  # (M, B) the responses that one response beats
        beaten_alone |= row[:, None] & ~row[None]
    return beaten_alone
