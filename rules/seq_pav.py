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
    axioms=["anonymity", "neutrality", "homogeneity", "pareto", "reinforcement", "monotonicity"],
)
def seq_pav(
    profiles: Profiles, *, k: int | None = None, top: int | None = None, ties: Ties = "keep"
) -> Array:
    """Elect one by one by approvals, where a ballot that has got n responses counts 1/(n + 1).

    The responses are ranked by the order in which they are elected, and the first ones represent the
    ballots proportionally, as far as the rule can: a minority comes up once the majority has got its share.

    Parameters
    ----------
    k
        Elect this many; the others share the last place. By default all are elected.
    top
        A ballot approves the responses that have fewer than ``top`` others above them; by default
        its better half.
    ties
        "keep" elects together all whose count is equal, to one place, so that a tie over the last of
        ``k`` seats elects more; "lexicographic" elects the first of them in the order of the responses.

    Returns
    -------
    (B, M) array of scores: the number of responses that are elected no earlier than this one, itself
    included; 0 for those that are not elected.

    References
    ----------
    T. N. Thiele, "Om flerfoldsvalg", 1895. As a ranking: P. Skowron, M. Lackner, M. Brill, D. Peters,
    E. Elkind, "Proportional rankings", 2017.

    Examples
    --------
    Three ballots for a and b, two for c and d; after a the three count 3/2, less than the two:

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
    elected = xp.zeros_like(votes, dtype=xp.int64)  # responses that each slot has got
    while xp.any(election.open):
        chosen = election.least(-ballots.sums(votes * weights[elected]))
        election.elect(chosen)
        elected = elected + ballots.counts(chosen)
    return election.result(), exact
