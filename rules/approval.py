"""Approval voting."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.committees.ballots import approvals
from rlchf.rules._parts.exact_sums import by_parts, exact_sums, exact_votes, settled


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "pareto", "reinforcement", "monotonicity",
    ],
)  # fmt: skip
def approval(profiles: Profiles, *, top: int | None = None) -> Array:
    """Score a response by the weight of the ballots that approve it.

    Parameters
    ----------
    top
        A ballot approves the responses that have fewer than ``top`` others above them. By default it
        approves its better half: those in first place, and all that have fewer ranked responses
        above than below. So a ballot that was cast as approvals approves what it approved. What a
        ballot does not rank it does not approve.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

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
    approved = approvals(profiles.ranks, top) * 1.0
    scores = exact_sums(profiles, [approved], 53, 1)
    return settled(scores, exact_votes(profiles), profiles.totals) / profiles.scale[:, None]
