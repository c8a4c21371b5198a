"""Approval voting."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.committees.ballots import approvals
from rlchf.rules._parts.exact_sums import by_parts, exact_sums, round_inexact


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "pareto", "reinforcement", "monotonicity",
    ],
    approvals=True,
)  # fmt: skip
def approval(profiles: Profiles, *, top: int | None = None) -> Array:
    """Score a response by the weight of the ballots that approve it.

    A ballot that states approvals approves what it says; on others they are read off the ranking.

    Parameters
    ----------
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them. By default it approves its better half: the responses in first place, and all with fewer
        ranked responses above than below. It does not approve a response that it does not rank.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie. They count exposure: a response that more
    ballots rank can have more approvals.

    References
    ----------
    S. J. Brams, P. C. Fishburn, "Approval voting", 1978.

    Examples
    --------
    >>> approval(Profiles.from_ballots([["a = b > c", "a = b > c", "b = c > a"]]))
    array([[2., 3., 1.]])
    """
    return by_parts(lambda part: _scores(part, top), profiles)


def _scores(profiles: Profiles, top: int | None) -> Array:
    approved = approvals(profiles.ranks, top, profiles.approvals) * 1.0
    scores = exact_sums(profiles, [approved], 53, 1)
    return round_inexact(scores, profiles.is_exact, profiles.totals) / profiles.scale[:, None]
