"""The expanding approvals rule."""

from fractions import Fraction

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.stv import Quota, Values, check_seats, each_prompt, seats


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
    """Rank by election with approvals that reach one place deeper at a time; counted on the CPU.

    At depth j a ballot approves the responses with fewer than j others above them, and so all of a level
    that it reaches. If the value of the ballots that approve somebody exceeds the quota, the price of one
    of ``k`` seats, the response with the most is elected, and all ballots that approve it give up the same
    share of their value, together the quota. If nobody has that much, the depth grows by one. When all
    ballots approve all that they rank, those not elected rank below, by the value that
    approves them; what a ballot does not rank it never approves.

    Parameters
    ----------
    k
        Number of seats, which sets the quota; by default all but one, M - 1. The first ``k`` of the
        ranking are the committee.
    quota
        "exact": more than n / (k + 1) votes of n; whatever the weights. "droop": at least
        floor(n / (k + 1)) + 1, n in units of weight, which is meant for whole weights. "hare": at least
        n / k. Aziz and Lee use a quota slightly above n / (k + 1).
    ties
        "keep": all who tie for the most are elected together, and a ballot that approves several of them
        pays for each as long as it can.
        "lexicographic": one at a time, the first of those tied in the order of the responses.

    Returns
    -------
    (B, M) array of scores: how many rank below, M - 1 to 0.

    References
    ----------
    H. Aziz, B. E. Lee, "The expanding approvals rule: improving proportional representation and
    monotonicity", 2020.

    Examples
    --------
    Two groups of 6 and 4 alternate, where a majority rule would rank c and d last:

    >>> ballots = ["a > b > c > d"] * 6 + ["c > d > a > b"] * 4
    >>> expanding_approvals(Profiles.from_ballots([ballots]))
    array([[3., 1., 2., 0.]])
    """
    check_seats(k)
    M, strictly = profiles.n_responses, ties == "lexicographic"

    def count(ballots: Values, price: Fraction) -> list[int]:
        return _count(ballots, price, M, enough=quota != "exact", strictly=strictly)

    return each_prompt(profiles, seats(k, M), quota, count)


def _count(ballots: Values, price: Fraction, M: int, *, enough: bool, strictly: bool) -> list[int]:
    """Scores of one prompt; ``enough``: exactly the price elects, too."""
    remaining = list(range(M))
    approved: list[list[int]] = [[] for _ in ballots.kinds]
    next_level = [0] * len(approved)  # the next level
    scores = [0] * M
    depth = 0
    while remaining:
        counts = dict.fromkeys(remaining, 0)
        for responses, votes, part in zip(approved, ballots.votes, ballots.parts, strict=True):
            for i in responses:
                counts[i] += votes * part
        most = max(counts.values())
        paid = price.numerator * ballots.whole  # the price, times its denominator
        worth = most * price.denominator
        if most and (worth > paid or (enough and worth == paid)):
            chosen = [i for i in remaining if counts[i] == most]
            chosen = chosen[:1] if strictly else chosen
            remaining = [i for i in remaining if i not in chosen]
            factors = [worth] * len(approved)
            for b, responses in enumerate(approved):
                if n := sum(i in chosen for i in responses):
                    factors[b] = max(0, worth - n * paid)
                    approved[b] = [i for i in responses if i not in chosen]
            ballots.reduce(factors, worth)
            for i in chosen:
                scores[i] = len(remaining)
        elif depth < M:
            depth += 1
            for b, levels in enumerate(ballots.kinds):
                if next_level[b] < len(levels) and sum(map(len, levels[: next_level[b]])) < depth:
                    approved[b] += [i for i in levels[next_level[b]] if i in counts]
                    next_level[b] += 1
        else:
            order = sorted(counts, key=lambda i: (-counts[i], i))
            for n, i in enumerate(order, start=1):
                below = n if strictly else sum(c >= counts[i] for c in counts.values())
                scores[i] = len(order) - below
            break
    return scores
