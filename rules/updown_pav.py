"""Proportional approval voting with disapprovals."""

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.committees.updown import votes_for_and_against
from rlchf.rules._parts.committees.updown_pav import committee_shares


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="2^M K, above 16 responses integer programs",
    axioms=["anonymity", "neutrality", "homogeneity"],
    approvals=True,
)
def updown_pav(
    profiles: Profiles,
    *,
    k: int | None = None,
    top: int | None = None,
    ties: Ties = "keep",
    time_limit: float | None = 2.0,
) -> Array:
    """Choose the committee that maximises the sum of 1 + 1/2 + ... + 1/n for n wishes that it meets.

    A ballot's wishes are that what it approves be on the committee, and what it disapproves not be. A
    committee has ``k`` members at most, and fewer if that is better. The score is 1 for members of the
    best committee and 0 for others; if several committees are best, it is the share of them that contain
    the response. Without k the score is the sum over k = 1, ..., M, this package's way to rank the
    responses.

    Up to 16 responses, all committees are compared, exactly. With more, an integer program on the CPU finds
    one best committee of each size, and the score counts no other.

    Parameters
    ----------
    k
        The largest size of the committee; by default all sizes count.
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them, by default its better half, and disapproves none.
    ties
        "keep" counts all best committees equally; "lexicographic" takes the one with the first of the
        responses in which they differ, and without k ranks the first response higher where the sums tie.
    time_limit
        Seconds for the integer programs of one prompt, divided among the sizes, or None for no limit.
        When they run out, the best committees found count, with a warning that says how far from the
        optimum they may be.

    Returns
    -------
    (B, M) array of scores: from 0 to 1 with k, else from 0 to M.

    References
    ----------
    S. Kraiczy, G. Papasotiropoulos, G. Pierczyński, P. Skowron, "Proportionality in thumbs up and down
    voting", 2025, section 3.3.

    Examples
    --------
    Two ballots approve a and b and disapprove c, and the third says the opposite. With a or b alone it has
    one of its wishes, the other two have two:

    >>> profiles = Profiles.from_approvals([[1, 1, -1], [1, 1, -1], [-1, -1, 1]])
    >>> updown_pav(profiles, k=2)
    array([[0.5, 0.5, 0. ]])
    """
    return committee_shares(
        profiles, *votes_for_and_against(profiles, top), k=k, ties=ties, time_limit=time_limit
    )
