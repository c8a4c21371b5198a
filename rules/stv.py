"""The single transferable vote."""

import math
from fractions import Fraction
from typing import Literal, get_args

from rlchf.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._meek import meek
from rlchf.rules._stv import Quota, Values, check_seats, each_prompt, seats

Variant = Literal["inclusive_gregory", "meek"]


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="K M^2",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "monotonicity",
    ],
)  # fmt: skip
def stv(
    profiles: Profiles,
    *,
    k: int | None = None,
    variant: Variant = "inclusive_gregory",
    quota: Quota = "exact",
    ties: Ties = "keep",
) -> Array:
    """Rank by election and elimination, with surplus votes passed on; counted on the CPU.

    Each ballot counts for the first of those left that it ranks. Whoever has most votes is elected if they
    exceed the quota, the price of one of ``k`` seats; the ballots behind keep the share of their value that
    exceeds it, and pass on. If nobody does, whoever has the fewest votes is eliminated. That goes on
    until nobody is left. Those elected rank first, in the order of election, and then the others in
    reverse order of elimination; so the first ``k`` are the committee that STV elects to ``k`` seats.

    A ballot that ties t of those left at its top gives each 1/t of its value. One that ranks nobody who
    is left says nothing any more.

    Parameters
    ----------
    k
        Number of seats, which sets the quota; by default all but one, M - 1. Then a group of n / M ballots
        has a place near the top for its favourite, nobody is eliminated while ballots last, and the
        first is whom most ballots put first. Give the number that you want to pick: fewer seats
        cost more votes each, and ``k=1`` is instant runoff that stops at a majority.
    variant
        "inclusive_gregory": one response is elected at a time, and all its ballots pass on the same share
        of their current value (weighted inclusive Gregory). Values are exact fractions as long as their
        denominators have fewer than 1024 bits; then they are rounded down to multiples of 2^-1024.
        "meek": all with a quota are elected at once, keep a share of every ballot, and pass on the rest;
        the shares and the quota, which shrinks with exhausted ballots, are found to 1e-12 of all votes, and
        votes that differ by less than 1e-9 of them count as equal. A tie on a ballot counts as
        the average of all its orders. It is slower: some hundred prompts of 20 ballots a second.
    quota
        "exact": more than n / (k + 1) votes of n (Hagenbach-Bischoff); whatever the weights, at most k
        responses can have them. "droop": at least floor(n / (k + 1)) + 1, n in units of weight, which is
        meant for whole weights. "hare": at least n / k.
    ties
        "keep": all who tie for most votes are elected together, all who tie for fewest eliminated together.
        "lexicographic": one at a time, the first of those tied elected, the last eliminated.

    Returns
    -------
    (B, M) array of scores: how many rank below, M - 1 to 0.

    References
    ----------
    T. Hare, "A treatise on the election of representatives", 1859; for surplus at reduced value
    J. B. Gregory, 1880. B. L. Meek, "A new approach to the single transferable vote",
    1969; I. D. Hill, B. A. Wichmann, D. R. Woodall, "Algorithm 123: single transferable vote by
    Meek's method", 1987.

    Examples
    --------
    Two groups of 6 and 4 alternate, where a majority rule would rank c and d last:

    >>> ballots = ["a > b > c > d"] * 6 + ["c > d > a > b"] * 4
    >>> stv(Profiles.from_ballots([ballots]))
    array([[3., 1., 2., 0.]])
    """
    check_seats(k, quota, ties)
    if variant not in get_args(Variant):
        raise ValueError(f"variant is {variant!r}; choose from {', '.join(get_args(Variant))}")
    M, strictly = profiles.n_responses, ties == "lexicographic"
    if variant == "meek":
        if quota != "exact":
            raise ValueError(f"quota is {quota!r}; variant 'meek' has its own, leave it 'exact'")
        return meek(profiles, seats(k, M), strictly)

    def count(ballots: Values, price: Fraction) -> list[int]:
        return _count(ballots, price, M, enough=quota != "exact", strictly=strictly)

    return each_prompt(profiles, seats(k, M), quota, count)


def _count(ballots: Values, price: Fraction, M: int, *, enough: bool, strictly: bool) -> list[int]:
    """Scores of one prompt; ``enough``: exactly the price elects, too."""
    left = set(range(M))
    at = [0] * len(ballots.kinds)  # the level that counts now
    tops: list[list[int]] = [[]] * len(at)
    scores = [0] * M
    elected = 0
    while left:
        for b, levels in enumerate(ballots.kinds):
            if tops[b] and left.issuperset(tops[b]):
                continue
            tops[b] = []
            while at[b] < len(levels) and not tops[b]:
                tops[b] = [i for i in levels[at[b]] if i in left]
                at[b] += not tops[b]
        unit = math.lcm(*{len(top) for top in tops if top})
        counts = dict.fromkeys(sorted(left), 0)  # in units of 1 / (unit whole)
        for top, votes, part in zip(tops, ballots.votes, ballots.parts, strict=True):
            for i in top:
                counts[i] += votes * part * (unit // len(top))
        most = max(counts.values())
        paid = price.numerator * unit * ballots.whole  # the price, times its denominator
        surplus = most * price.denominator - paid
        if most and (surplus > 0 or (enough and surplus == 0)):
            chosen = [i for i in counts if counts[i] == most]
            chosen = chosen[:1] if strictly else chosen
            elected += len(chosen)
            rank = M - elected
            # Of a top of t, e elected ones keep paid / (surplus + paid) of 1/t each.
            whole = unit * (surplus + paid)
            factors = [whole] * len(tops)
            for b, top in enumerate(tops):
                if n := sum(i in chosen for i in top):
                    factors[b] = whole - n * paid * (unit // len(top))
            ballots.reduce(factors, whole)
        else:
            fewest = min(counts.values())
            chosen = [i for i in counts if counts[i] == fewest]
            chosen = chosen[-1:] if strictly else chosen
            rank = M - elected - len(left)
        for i in chosen:
            scores[i] = rank
        left.difference_update(chosen)
    return scores
