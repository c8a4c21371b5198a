"""Sequential proportional approval voting."""

from rlchf.numeric.arrays import Array, array_namespace
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.committees.ballots import ApprovalBallots, harmonic
from rlchf.rules._parts.committees.election import EXACT, Election, run_elections


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="K M + M^2 min(K, 2^M)",
    axioms=[
        "anonymity",
        "neutrality",
        "homogeneity",
        "pareto",
        "reinforcement",
        "monotonicity",
        "participation",
        "consistency",
    ],
    approvals=True,
)
def seq_pav(
    profiles: Profiles, *, k: int | None = None, top: int | None = None, ties: Ties = "keep"
) -> Array:
    """Elect one by one by approvals; a ballot with n elected responses counts 1/(n + 1).

    The responses are ranked in the order of election. The first ones represent the ballots about
    proportionally: a minority's response is elected once the majority has its share.

    Parameters
    ----------
    k
        Number of seats; responses that are not elected share the last place. By default all are elected.
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them; by default its better half.
    ties
        "keep" elects all responses with the highest count together; they share a place, and a tie over the
        last of ``k`` seats elects more than k. "lexicographic" elects the first of them in the order of the
        responses.

    Returns
    -------
    (B, M) array of scores: the number of responses elected no earlier than this one, itself included; 0
    for responses that are not elected.

    References
    ----------
    T. N. Thiele, "Om flerfoldsvalg", 1895. As a ranking: P. Skowron, M. Lackner, M. Brill, D. Peters,
    E. Elkind, "Proportional rankings", 2017.

    Examples
    --------
    Three ballots approve a and b, two c and d; once a is elected, the three count 3/2, less than 2:

    >>> ballots = ["a = b > c = d"] * 3 + ["c = d > a = b"] * 2
    >>> seq_pav(Profiles.from_ballots([ballots]), ties="lexicographic")
    array([[4., 2., 3., 1.]])
    """
    return run_elections(profiles, top, k, ties, lambda ballots: _count(ballots, k, ties))


def _count(ballots: ApprovalBallots, k: int | None, ties: Ties) -> tuple[Array, Array]:
    votes = ballots.votes
    xp = array_namespace(votes)
    weights, multiple = harmonic(ballots)
    exact = xp.sum(votes, axis=0) < EXACT / multiple
    election = Election(ballots, k, ties)
    elected = xp.zeros_like(votes, dtype=xp.int64)  # elected responses that each slot approves
    while xp.any(election.open):
        chosen = election.least(-ballots.sums(votes * weights[elected]))
        election.elect(chosen)
        elected = elected + ballots.counts(chosen)
    return election.result(), exact
