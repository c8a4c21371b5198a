"""The expanding approvals rule."""

from fractions import Fraction

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.stv import Levels, Quota, Values, each_prompt, n_seats


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "monotonicity",
    ],
)  # fmt: skip
def expanding_approvals(
    profiles: Profiles, *, k: int | None = None, quota: Quota = "exact", ties: Ties = "keep"
) -> Array:
    """Elect by approvals that reach one place deeper whenever none meets the quota; on the CPU.

    At depth j a ballot approves the responses with fewer than j others above them, and so all responses of a
    level that it reaches. If the total value of the ballots that approve a response exceeds the quota, the
    price of one of ``k`` seats, the response with the most approval is elected, and the ballots that approve
    it give up the same share of their value, together the quota. If no response exceeds the quota, the depth
    grows by one. Once all ballots approve all responses that they rank, the responses not elected rank
    below, by the value of the ballots that approve them. A ballot never approves a response that it does
    not rank, so approval counts exposure: a response that more ballots rank can have more.

    Parameters
    ----------
    k
        Number of seats, which sets the quota; by default M - 1. The first ``k`` responses of the ranking
        are the committee.
    quota
        "exact": more than n / (k + 1) of n votes, with any weights. "droop": at least
        floor(n / (k + 1)) + 1, with n in units of weight, for whole weights. "hare": at least n / k. Aziz
        and Lee use a quota slightly above n / (k + 1).
    ties
        "keep": all responses with the most approval are elected together, and a ballot that approves several
        of them pays for each as long as it can. "lexicographic": the first of them, in the order of the
        responses, is elected alone.

    Returns
    -------
    (B, M) array of scores: the number of responses ranked below, M - 1 to 0.

    References
    ----------
    H. Aziz, B. E. Lee, "The expanding approvals rule: improving proportional representation and
    monotonicity", 2020.

    Examples
    --------
    Two groups of 6 and 4 ballots alternate; a majority rule would rank c and d last:

    >>> ballots = ["a > b > c > d"] * 6 + ["c > d > a > b"] * 4
    >>> expanding_approvals(Profiles.from_ballots([ballots]))
    array([[3., 1., 2., 0.]])
    """
    M, strictly = profiles.n_responses, ties == "lexicographic"

    def count(ballots: dict[Levels, int], price: Fraction) -> list[int]:
        return _count(Values(ballots), price, M, enough=quota != "exact", strictly=strictly)

    return each_prompt(profiles, n_seats(k, M), quota, count)


def _count(ballots: Values, price: Fraction, M: int, *, enough: bool, strictly: bool) -> list[int]:
    """Scores of one prompt; ``enough``: exactly the price elects, too."""
    remaining = list(range(M))
    approved: list[list[int]] = [[] for _ in ballots.kinds]
    n_levels = [0] * len(approved)  # the number of levels that each kind approves
    scores = [0] * M
    depth = 0
    while remaining:
        counts, elected = ballots.elect(
            approved, remaining, price, enough=enough, strictly=strictly, split=False
        )
        if elected:
            remaining = [i for i in remaining if i not in elected]
            for i in elected:
                scores[i] = len(remaining)
                for responses in approved:
                    if i in responses:
                        responses.remove(i)
        elif depth < M:
            depth += 1
            for b, levels in enumerate(ballots.kinds):
                if n_levels[b] < len(levels) and sum(map(len, levels[: n_levels[b]])) < depth:
                    approved[b] += [i for i in levels[n_levels[b]] if i in counts]
                    n_levels[b] += 1
        else:
            order = sorted(counts, key=lambda i: (-counts[i], i))
            for n, i in enumerate(order, start=1):
                n_above = n if strictly else sum(c >= counts[i] for c in counts.values())
                scores[i] = len(order) - n_above
            break
    return scores
