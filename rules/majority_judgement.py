"""Majority judgement."""

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.cardinal import leads, number_behind
from rlchf.rules._parts.exact_sums import by_parts

MANY = 64  # responses, from which on they are not compared in pairs


@voting_rule(
    kind="cardinal",
    cost="(K + L) M^2 for L different scores",
    axioms=[
        "anonymity",
        "neutrality",
        "homogeneity",
        "unanimity",
        "pareto",
        "majority",
        "monotonicity",
        "majority loser",
        "IIA",
        "local IIA",
    ],
    scopes={
        "majority": "rankings",
        "majority loser": "rankings",
        "IIA": "stated",
        "local IIA": "stated",
    },
)
def majority_judgement(profiles: Profiles) -> Array:
    """Rank responses by their median score, ties by the median without that score, and so on.

    Of two scores in the middle the lower one is the median, the "majority-grade". If two responses have the
    same median, one such score is removed from each, and the medians of the rest are compared. A ballot of
    weight 2 counts as two scores. Missing scores are left out; responses with different numbers of scores
    are compared as if each score were repeated until the numbers are equal. A response without scores
    comes last. Only the order of the scores matters. Ballots that came as rankings give one point per
    response ranked below and half a point per tie.

    Returns
    -------
    (B, M) array of scores: the number of responses ranked below; equal is a tie.

    References
    ----------
    M. Balinski, R. Laraki, "A theory of measuring, electing, and ranking", 2007.

    Examples
    --------
    The points are 2, 2, 0 for a, 1, 1, 1 for b and 0, 0, 2 for c:

    >>> majority_judgement(Profiles.from_ballots([["a > b > c", "a > b > c", "c > b > a"]]))
    array([[2., 1., 0.]])
    """
    return by_parts(_scores, profiles, profiles.n_responses**2)


def _scores(profiles: Profiles) -> Array:
    """Compare scores in pairs, from the median outwards.

    Removing medians one by one goes outwards from the middle: first to the score a share t below
    the middle, then to the score a share t above, for growing t. Let lead(l) be the share of the scores at
    level l or higher minus the share below l. The score below the middle is at level l or higher if
    t < lead(l) / 2, the score above it if t >= -lead(l) / 2. So the first t at which two responses differ
    is computed level by level, and the response with the greater lead at that level is better.
    """
    lead = leads(profiles)  # (L, M, B)
    xp = array_namespace(lead)
    if lead.shape[1] > MANY:
        return xp.stack([_one_by_one(lead[:, :, b]) for b in range(lead.shape[2])])
    better = xp.zeros_like(lead[0][:, None] - lead[0])  # (M, M, B)
    first = better + 2
    for sign in (1, -1):  # scores below the middle count first where both differ at the same t
        for level in range(lead.shape[0]):
            i, j = lead[level][:, None], lead[level][None]
            nearer, farther = xp.minimum(sign * i, sign * j), xp.maximum(sign * i, sign * j)
            distance = xp.clip(nearer, min=0)
            decides = (nearer < farther) & (farther > 0) & (distance < first)
            first = xp.where(decides, distance, first)
            better = xp.where(decides, i - j, better)
    return number_behind(better)


def _one_by_one(lead: Array) -> Array:
    """(M,) the number of responses ranked below each, from the (L, M) leads of one prompt.

    For each share t at which a score may change, responses are separated by the score below the
    middle, then by the one above.
    """
    xp = array_namespace(lead)
    L, M = lead.shape
    behind = xp.zeros(M, dtype=xp.int64, device=device_of(lead))
    for t in xp.unique_values(xp.concat([xp.abs(lead).reshape(-1), xp.zeros_like(lead[0, :1])])):
        for reached in (t < lead, t >= -lead):
            level = xp.sum(reached, axis=0, dtype=xp.int64)
            values, behind = xp.unique_inverse(behind * (L + 1) + level)
            if values.shape[0] == M:
                return xp.astype(behind, xp.float64)
    return xp.astype(xp.searchsorted(xp.sort(behind), behind), xp.float64)
