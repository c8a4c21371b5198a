"""Phragmén's sequential method with disapprovals."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.committees.ballots import ApprovalBallots
from rlchf.rules._parts.committees.election import run_elections
from rlchf.rules._parts.committees.phragmen import phragmen
from rlchf.rules._parts.committees.updown import VetoElection, twice, votes_for_and_against


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="K M + M^2 min(K, 4^M)",
    axioms=["anonymity", "neutrality", "homogeneity"],
    approvals=True,
)
def updown_phragmen(
    profiles: Profiles, *, k: int | None = None, top: int | None = None, ties: Ties = "keep"
) -> Array:
    """Elect or veto one by one the response whose supporters or opponents first earn its price.

    Every ballot earns its weight per unit of time. As soon as the ballots that approve a response have 1
    together, it is elected; as soon as those that disapprove it have 1 together, it is vetoed, and can no
    longer be elected. They pay all that they have. So a group has its share of the power to elect and to
    prevent. Amounts are exact, in whole numbers.

    Parameters
    ----------
    k
        Number of seats; once they are filled nothing more is elected or vetoed. By default every response
        that somebody approves or disapproves is decided.
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them, by default its better half, and disapproves none.
    ties
        "keep" decides all responses whose turn comes at the same time together; they share a place, and a
        tie over the last of ``k`` seats elects more than k. A response elected and vetoed at the same time
        is neither. "lexicographic" decides the first of them in the order of the responses, and elects
        rather than vetoes it.

    Returns
    -------
    (B, M) array of scores: M for the response elected first, M - 1 for the next; -M for the response
    vetoed first, 1 - M for the next; 0 for all others.

    References
    ----------
    S. Kraiczy, G. Papasotiropoulos, G. Pierczyński, P. Skowron, "Proportionality in thumbs up and down
    voting", 2025, section 3.2.

    Examples
    --------
    Three ballots approve a and b, two disapprove both and approve c. a is elected at time 1/3; at time 1/2
    the two veto b, and at time 1 they elect c:

    >>> profiles = Profiles.from_approvals([[1, 1, 0]] * 3 + [[-1, -1, 1]] * 2)
    >>> updown_phragmen(profiles, ties="lexicographic")
    array([[ 3., -3.,  2.]])
    """

    def count(ballots: ApprovalBallots) -> tuple[Array, Array]:
        xp = array_namespace(ballots.votes)
        election = VetoElection(ballots, k, ties)
        nothing = xp.zeros_like(ballots.votes)
        exact = phragmen(ballots, election, nothing, nothing[0] + 1)
        return election.decided, exact

    rows = twice(*votes_for_and_against(profiles, top))
    return run_elections(profiles, None, k, ties, count, approved=rows)
