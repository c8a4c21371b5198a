"""The approval-based rule of Chamberlin and Courant."""

from fractions import Fraction

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.committees.enumeration import committee_scores


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="K M + 2^M M min(K, M), above 16 responses integer programs",
    axioms=["anonymity", "neutrality", "homogeneity", "pareto"],
    approvals=True,
)
def chamberlin_courant(
    profiles: Profiles,
    *,
    k: int | None = None,
    top: int | None = None,
    ties: Ties = "keep",
    time_limit: float | None = 2.0,
) -> Array:
    """Choose the committee with the most weight of ballots that approve any of its members.

    So the committee represents as many ballots as possible. The score is 1 for members of the optimal
    committee of ``k``, and 0 for others; if several committees are optimal, it is the share of them that
    contain the response. Without k the score is the sum over all sizes from 1 to M - 1, this package's way
    to rank the responses. Where one response covers all ballots, larger committees add no information.

    Up to 16 responses, all committees are compared, exactly. With more, an integer program on the CPU finds
    one optimal committee of each size, and the score counts no other, except that responses with the
    same supporters share their seats. Which committee it finds may depend on the order of the responses.

    Parameters
    ----------
    k
        The size of the committee; by default all sizes count.
    top
        A ballot that states no approvals approves the responses that have fewer than ``top`` others above
        them; by default its better half.
    ties
        "keep" counts all optimal committees equally; "lexicographic" takes the first of them in the order
        of the responses, and without k ranks the first response higher where the sums tie.
    time_limit
        Seconds for the integer programs of one prompt, divided among the sizes, or None for no limit.
        When they run out, the best committees found count, with a warning that says how far from the
        optimum they may be.

    Returns
    -------
    (B, M) array of scores: from 0 to 1 with k, else from 0 to M - 1.

    References
    ----------
    J. R. Chamberlin, P. N. Courant, "Representative deliberations and representative decisions:
    proportional representation and the Borda rule", 1983. With approvals: T. N. Thiele,
    "Om flerfoldsvalg", 1895.

    Examples
    --------
    Two seats can cover all ballots with a or b, and c:

    >>> profiles = Profiles.from_ballots([["a = b > c"] * 3 + ["c > a = b"]])
    >>> chamberlin_courant(profiles, k=2)
    array([[0.5, 0.5, 1. ]])
    >>> chamberlin_courant(profiles)
    array([[1., 1., 1.]])
    """
    worth = [Fraction(int(n == 0)) for n in range(profiles.n_responses)]
    return committee_scores(profiles, "chamberlin_courant", worth, k, top, ties, time_limit)
