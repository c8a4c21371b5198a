"""Approval voting."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import voting_rule
from rlchf.rules._parts.committees.ballots import approvals
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
        "anonymity", "neutrality", "homogeneity", "pareto", "reinforcement", "monotonicity",
        "participation", "consistency", "IIA", "local IIA",
    ],
    scopes={"IIA": "stated", "local IIA": "stated"},
    approvals=True,
)  # fmt: skip
def approval(profiles: Profiles, *, top: int | None = None, average: bool = False) -> Array:
    """Score a response by the weight of the ballots that approve it.

    A ballot that states approvals approves what it says; on others they are read off the ranking.

    Parameters
    ----------
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them. By default it approves its better half: the responses in first place, and all with fewer
        ranked responses above than below. It does not approve a response that it does not rank.
    average
        Whether to score by the share of approvals among the ballots that rank a response, so that responses
        lose nothing if fewer ballots rank them. A response that no ballot ranks gets the mean of the prompt.

    Returns
    -------
    (B, M) array of scores; higher is better, equal is a tie. They count exposure: a response that more
    ballots rank can have more approvals, unless shares are taken (``average``).

    References
    ----------
    S. J. Brams, P. C. Fishburn, "Approval voting", 1978.

    Examples
    --------
    >>> approval(Profiles.from_ballots([["a = b > c", "a = b > c", "b = c > a"]]))
    array([[2., 3., 1.]])

    Three of four ballots rank b, and two of these approve it; the only one that ranks c does:

    >>> seen = Profiles.from_ballots([["a > b", "b > a", "b > a", "c > a"]])
    >>> approval(seen), approval(seen, average=True)
    (array([[1., 2., 1.]]), array([[0.25      , 0.66666667, 1.        ]]))
    """
    return by_parts(lambda part: _scores(part, top, average), profiles)


def _scores(profiles: Profiles, top: int | None, average: bool) -> Array:
    approved = approvals(profiles.ranks, top, profiles.approvals) * 1.0
    if average:
        return means_where_named(profiles, approved)
    scores = exact_sums(profiles, [approved], 53, 1)
    return round_inexact(scores, profiles.is_exact, profiles.totals) / profiles.scale[:, None]
