"""Smith tiers."""

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule


@voting_rule(
    kind="majority",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "monotonicity", "clones", "majority loser", "participation",
        "local IIA",
    ],
)  # fmt: skip
def smith(profiles: Profiles) -> Array:
    """Rank in tiers: the Smith set, the Smith set of the others, and so on.

    The Smith set, or top cycle, is the smallest set of responses that each beat every response outside the
    set by majority. Two responses with a pairwise tie are in the same tier.

    Returns
    -------
    (B, M) array of scores: the number of lower tiers; higher is better, equal is a tie.

    References
    ----------
    J. H. Smith, "Aggregation of preferences with variable electorate", 1973; I. J. Good, "A note on
    Condorcet sets", 1971.

    Examples
    --------
    a, b and c beat each other in a cycle, and all three beat d:

    >>> smith(Profiles.from_ballots([["a > b > c > d", "b > c > a > d", "c > a > b > d"]]))
    array([[1., 1., 1., 0.]])
    """
    xp = array_namespace(profiles.ranks)
    M = profiles.n_responses
    copeland = xp.sum(xp.sign(profiles.margins), axis=2)  # (B, M)
    order = xp.argsort(copeland, axis=1, descending=True)
    sums = xp.cumulative_sum(xp.take_along_axis(copeland, order, axis=1), axis=1)
    # Among the first k, wins and losses cancel: the rest is k (M - k) if they beat all others.
    k = xp.asarray([k * (M - k) for k in range(1, M + 1)], dtype=xp.float64, device=device_of(sums))
    ends = xp.astype(sums == k, xp.float64)  # a tier ends here; the last always does
    lower = xp.flip(xp.cumulative_sum(xp.flip(ends, axis=1), axis=1), axis=1) - 1
    return xp.take_along_axis(lower, xp.argsort(order, axis=1), axis=1)
