"""Phragmén's sequential method."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.committees.ballots import ApprovalBallots
from rlchf.rules._parts.committees.election import Election, run_elections
from rlchf.rules._parts.committees.phragmen import phragmen


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="K M + M^2 min(K, 2^M)",
    axioms=[
        "anonymity",
        "neutrality",
        "homogeneity",
        "pareto",
        "monotonicity",
        "participation",
        "consistency",
    ],
    approvals=True,
)
def seq_phragmen(
    profiles: Profiles, *, k: int | None = None, top: int | None = None, ties: Ties = "keep"
) -> Array:
    """Elect one by one the response whose supporters are the first to earn its price.

    Every ballot earns its weight per unit of time. As soon as the supporters of a response, the ballots that
    approve it, have 1 together, it is elected, and they pay all that they have. (In terms of loads: a
    response is a load of 1, spread over its supporters so that their loads become equal, and the response
    with the least resulting load is elected.) So each group of ballots gets about its share of the first
    places, however the others vote. Loads are exact, in whole numbers.

    Parameters
    ----------
    k
        Number of seats; responses that are not elected share the last place. By default all are elected.
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them; by default its better half.
    ties
        "keep" elects all responses whose supporters have 1 at the same time together; they share a place,
        and a tie over the last of ``k`` seats elects more than k. Each of them is paid in full: a ballot
        that supports two pays its money twice, and is in debt until it has earned that. Meanwhile it pays
        for no response. "lexicographic" elects the first of them in the order of the responses.

    Returns
    -------
    (B, M) array of scores: the number of responses elected no earlier than this one, itself included; 0
    for responses that are not elected.

    References
    ----------
    E. Phragmén, "Till frågan om en proportionell valmetod", 1899; M. Brill, R. Freeman, S. Janson,
    M. Lackner, "Phragmén's voting methods and justified representation", 2017. As a ranking: P. Skowron,
    M. Lackner, M. Brill, D. Peters, E. Elkind, "Proportional rankings", 2017.

    Examples
    --------
    Three ballots approve a and b, two c and d: a is elected at time 1/3, c at 1/2, b at 2/3, d at 1:

    >>> ballots = ["a = b > c = d"] * 3 + ["c = d > a = b"] * 2
    >>> seq_phragmen(Profiles.from_ballots([ballots]), ties="lexicographic")
    array([[4., 2., 3., 1.]])
    """

    def count(ballots: ApprovalBallots) -> tuple[Array, Array]:
        xp = array_namespace(ballots.votes)
        election = Election(ballots, k, ties)
        nothing = xp.zeros_like(ballots.votes)
        exact = phragmen(ballots, election, nothing, nothing[0] + 1)
        return election.result(), exact

    return run_elections(profiles, top, k, ties, count)
