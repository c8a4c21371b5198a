"""Proportional approval voting."""

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
def pav(
    profiles: Profiles,
    *,
    k: int | None = None,
    top: int | None = None,
    ties: Ties = "keep",
    time_limit: float | None = 2.0,
) -> Array:
    """Choose the committee that maximises the sum of 1 + 1/2 + ... + 1/n for n approved members.

    The score is 1 for members of the optimal committee of ``k``, and 0 for others; if several committees
    are optimal, it is the share of them that contain the response. Without k the score is the sum over all
    sizes from 1 to M - 1, this package's way to rank the responses: members of small committees come first.
    For a ranking that elects one response after the other see `seq_pav`.

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
    T. N. Thiele, "Om flerfoldsvalg", 1895; for what it guarantees: H. Aziz, M. Brill, V. Conitzer,
    E. Elkind, R. Freeman, T. Walsh, "Justified representation in approval-based committee voting", 2017.

    Examples
    --------
    One of a and b and one of c and d are best for two seats:

    >>> profiles = Profiles.from_ballots([["a = b > c = d"] * 3 + ["c = d > a = b"] * 2])
    >>> pav(profiles, k=2)
    array([[0.5, 0.5, 0.5, 0.5]])
    >>> pav(profiles, k=3)
    array([[1. , 1. , 0.5, 0.5]])
    >>> pav(profiles)
    array([[2., 2., 1., 1.]])
    """
    worth = [Fraction(1, n) for n in range(1, profiles.n_responses + 1)]
    return committee_scores(profiles, "pav", worth, k, top, ties, time_limit)
