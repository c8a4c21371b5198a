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
    axioms=["anonymity", "neutrality", "homogeneity", "pareto", "monotonicity"],
)
def seq_phragmen(
    profiles: Profiles, *, k: int | None = None, top: int | None = None, ties: Ties = "keep"
) -> Array:
    """Elect one by one by approvals: whoever has supporters that can pay for them first.

    Every ballot earns its weight per unit of time. As soon as the supporters of a response have 1
    together, it is elected, and they pay all they have. (In the words of loads: a response is a
    load of 1, spread over its supporters so that all have the same, and the response that makes the
    least of it is elected.) So each group of ballots gets about as many of the first places as its size
    allows it, whatever the others do. Loads are counted exactly, in whole numbers.

    Parameters
    ----------
    k
        Elect this many; the others share the last place. By default all are elected.
    top
        A ballot approves the responses that have fewer than ``top`` others above them; by default
        its better half.
    ties
        "keep" elects together all whose supporters have 1 at the same time, to one place, so that a tie
        over the last of ``k`` seats elects more. Each of them is paid in full: a ballot that supports
        two pays what it has twice, and is in debt until it has earned that. Meanwhile it pays
        for nobody. "lexicographic" elects the first of them in the order of the responses.

    Returns
    -------
    (B, M) array of scores: the number of responses that are elected no earlier than this one, itself
    included; 0 for those that are not elected.

    References
    ----------
    E. Phragmén, "Till frågan om en proportionell valmetod", 1899; M. Brill, R. Freeman, S. Janson,
    M. Lackner, "Phragmén's voting methods and justified representation", 2017. As a ranking: P. Skowron,
    M. Lackner, M. Brill, D. Peters, E. Elkind, "Proportional rankings", 2017.

    Examples
    --------
    Three ballots for a and b, two for c and d: a at 1/3, c at 1/2, b at 2/3, d at 1:

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
