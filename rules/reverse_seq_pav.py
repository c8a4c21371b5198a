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
    approvals=True,
)
def reverse_seq_pav(
    profiles: Profiles, *, k: int | None = None, top: int | None = None, ties: Ties = "keep"
) -> Array:
    """Eliminate one by one the response whose removal lowers the PAV score least.

    All responses are elected at first. For a ballot that approves n of the remaining responses, the removal
    of one of them lowers the PAV score by 1/n of its weight. Responses eliminated later rank higher.

    Parameters
    ----------
    k
        The last k remaining responses are elected; the others share the last place. By default all are
        ranked.
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them; by default its better half.
    ties
        "keep" eliminates all responses with the same least loss together; they share a place, and a tie over
        the last of ``k`` seats elects more than k. "lexicographic" eliminates the last of them, in the order
        of the responses.

    Returns
    -------
    (B, M) array of scores: the number of responses eliminated no later than this one, itself included; 0
    for responses that are not elected.

    References
    ----------
    T. N. Thiele, "Om flerfoldsvalg", 1895; S. Janson, "Phragmén's and Thiele's election methods", 2016,
    on Thiele's other methods. As a ranking: P. Skowron, M. Lackner, M. Brill, D. Peters, E. Elkind,
    "Proportional rankings", 2017.

    Examples
    --------
    The losses of c and d are 2/2 each: d is eliminated; then b, with 3/2; then c, with 2 against 3 for a:

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
        n_approved = ballots.counts(remaining)  # remaining responses that each slot approves
        losses = ballots.sums(votes * weights[xp.clip(n_approved - 1, min=0)])
        # The order of the responses is reversed, so that the last of the tied ones comes first.
        last = least(xp.flip(losses, axis=0), xp.flip(remaining, axis=0), ties)
        eliminated = xp.flip(last, axis=0)
        remaining = remaining & ~eliminated
        n_remaining = xp.sum(remaining, axis=0, dtype=xp.int64)
        scores = xp.where(eliminated, M - n_remaining, scores)
    return scores * (scores > M - min(M, k or M)), exact
