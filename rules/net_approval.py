"""Net approval: approvals minus disapprovals."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.committees.updown import votes_for_and_against
from rlchf.rules._parts.exact_sums import (
    by_parts,
    exact_sums,
    means_where_named,
    round_inexact,
)


@voting_rule(
    kind="positional",
    cost="K M^2",
    axioms=[
        "anonymity",
        "neutrality",
        "homogeneity",
        "pareto",
        "reinforcement",
        "monotonicity",
        "participation",
        "consistency",
        "IIA",
        "local IIA",
    ],
    scopes={"IIA": "stated", "local IIA": "stated"},
    approvals=True,
)
def net_approval(profiles: Profiles, *, top: int | None = None, average: bool = False) -> Array:
    """Score a response by the weight that approves it minus the weight that disapproves it.

    A ballot that states approvals approves and disapproves what it says; on others the approvals are read
    off the ranking, and nothing is disapproved.

    Parameters
    ----------
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them; by default its better half.
    average
        Whether to score by the mean among the ballots that rank a response, so that responses lose
        nothing if fewer ballots rank them. A response that no ballot ranks gets the mean of the prompt.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie.

    References
    ----------
    D. S. Felsenthal, "On combining approval with disapproval voting", 1989.

    Examples
    --------
    >>> net_approval(Profiles.from_approvals([[1, -1], [-1, 1], [1, 0]]))
    array([[1., 0.]])
    """
    return by_parts(lambda part: _scores(part, top, average), profiles)


def _scores(profiles: Profiles, top: int | None, average: bool) -> Array:
    votes_for, votes_against = votes_for_and_against(profiles, top)
    votes = votes_for * 1.0 - votes_against * 1.0
    if average:
        return means_where_named(profiles, votes)
    scores = exact_sums(profiles, [votes], 53, 1)
    return round_inexact(scores, profiles.is_exact, profiles.totals) / profiles.scale[:, None]
