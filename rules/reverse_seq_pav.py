"""Reverse sequential proportional approval voting."""

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.committees.ballots import ApprovalBallots, harmonic
from rlchf.rules._parts.committees.election import EXACT, least, run_elections


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="K M + M^2 min(K, 2^M)",
    axioms=["anonymity", "neutrality", "homogeneity", "pareto", "reinforcement"],
)
def reverse_seq_pav(
    profiles: Profiles, *, k: int | None = None, top: int | None = None, ties: Ties = "keep"
) -> Array:
    """Drop one by one the response that the ballots miss least, if one of n is missed as 1/n.

    All are elected at first. A ballot that approves n of those that are left loses 1/n of its weight
    with each of them. The ranking is the order of dropping, the last to stay first.

    Parameters
    ----------
    k
        The last k to stay are elected; the others share the last place. By default all are ranked.
    top
        A ballot approves the responses that have fewer than ``top`` others above them; by default
        its better half.
    ties
        "keep" drops together all that are missed equally, to one place, so that a tie over the last of
        ``k`` seats elects more; "lexicographic" drops the last of them in the order of the responses.

    Returns
    -------
    (B, M) array of scores: the number of responses that are dropped no later than this one, itself
    included; 0 for those that are not elected.

    References
    ----------
    T. N. Thiele, "Om flerfoldsvalg", 1895; S. Janson, "Phragmén's and Thiele's election methods", 2016,
    on Thiele's other methods. As a ranking: P. Skowron, M. Lackner, M. Brill, D. Peters, E. Elkind,
    "Proportional rankings", 2017.

    Examples
    --------
    Of c and d, 2/2 each, one goes; then of a and b, 3/2 each; c is missed less than a, 2 to 3:

    >>> ballots = ["a = b > c = d"] * 3 + ["c = d > a = b"] * 2
    >>> reverse_seq_pav(Profiles.from_ballots([ballots]), ties="lexicographic")
    array([[4., 2., 3., 1.]])
    """
    return run_elections(profiles, top, k, ties, lambda ballots: _count(ballots, k, ties))


def _count(ballots: ApprovalBallots, k: int | None, ties: Ties) -> tuple[Array, Array]:
    votes = ballots.votes
    xp = array_namespace(votes)
    weights, multiple = harmonic(ballots)
    exact = xp.sum(votes, axis=0) < EXACT / multiple
    M = ballots.approves.shape[0]
    remaining = xp.ones((M, votes.shape[1]), dtype=xp.bool, device=device_of(votes))
    scores = xp.zeros_like(remaining, dtype=xp.int64)
    for _ in range(M):
        left = ballots.counts(remaining)  # responses that each slot still has
        losses = ballots.sums(votes * weights[xp.clip(left - 1, min=0)])
        # The order of the responses is turned round, so that the last of the tied ones comes first.
        last = least(xp.flip(losses, axis=0), xp.flip(remaining, axis=0), ties)
        dropped = xp.flip(last, axis=0)
        remaining = remaining & ~dropped
        longer = xp.sum(remaining, axis=0, dtype=xp.int64)
        scores = xp.where(dropped, M - longer, scores)
    return scores * (scores > M - min(M, k or M)), exact
