"""The single transferable vote."""

import math
from fractions import Fraction
from functools import partial
from itertools import groupby
from typing import Literal

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.meek import meek
from rlchf.rules._parts.stv import Quota, Values, check_seats, each_prompt, seats

Variant = Literal["inclusive_gregory", "meek", "scottish"]

VOTE = 10**5
"""Scottish values have five decimals: they are whole numbers if a vote counts as this many."""


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="K M^2",
    axioms=["anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority"],
)
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
        "scottish": the count of the Scottish Local Government Elections Order 2007. All with the
        "droop" quota are elected, those with more votes first; then the largest surplus is passed on, by
        its share of the votes, to those neither elected nor eliminated. Values are cut to five
        decimals. If no more are left than seats, all are elected; with all seats filled, no surplus is
        passed on, and the others are eliminated as before. Equal votes are told apart by the last
        stage at which they differed; ``ties`` is for those that never did. In the Order no ballot has
        ties: here each of t tied has a paper of value 1/t, cut to five decimals.
    quota
        "exact": more than n / (k + 1) votes of n (Hagenbach-Bischoff); whatever the weights, at most k
        responses can have them. "droop": at least floor(n / (k + 1)) + 1, n in units of weight, which is
        meant for whole weights. "hare": at least n / k. Meek's and the Scottish variant have their own.
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
    Meek's method", 1987. The Scottish Local Government Elections Order 2007 (SSI 2007/42), schedule 1,
    rules 45 to 52.

    Examples
    --------
    Two groups of 6 and 4 alternate, where a majority rule would rank c and d last:

    >>> ballots = ["a > b > c > d"] * 6 + ["c > d > a > b"] * 4
    >>> stv(Profiles.from_ballots([ballots]))
    array([[3., 1., 2., 0.]])
    """
    check_seats(k)
    M, strictly = profiles.n_responses, ties == "lexicographic"
    if variant != "inclusive_gregory" and quota != "exact":
        raise ValueError(f"quota is {quota!r}; variant {variant!r} has its own, leave it 'exact'")
    k = seats(k, M)
    if variant == "meek":
        return meek(profiles, k, strictly)
    if variant == "scottish":
        return each_prompt(profiles, k, "droop", partial(_scottish, M=M, k=k, strictly=strictly))
    count = partial(_count, M=M, enough=quota != "exact", strictly=strictly)
    return each_prompt(profiles, k, quota, count)


def _count(ballots: Values, price: Fraction, M: int, *, enough: bool, strictly: bool) -> list[int]:
    """Scores of one prompt; ``enough``: exactly the price elects, too."""
    remaining = set(range(M))
    current = [0] * len(ballots.kinds)  # the level that counts now
    tops: list[list[int]] = [[]] * len(current)
    scores = [0] * M
    elected = 0
    while remaining:
        for b, levels in enumerate(ballots.kinds):
            if tops[b] and remaining.issuperset(tops[b]):
                continue
            tops[b] = []
            while current[b] < len(levels) and not tops[b]:
                tops[b] = [i for i in levels[current[b]] if i in remaining]
                current[b] += not tops[b]
        unit = math.lcm(*{len(top) for top in tops if top})
        counts = dict.fromkeys(sorted(remaining), 0)  # in units of 1 / (unit whole)
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
            rank = M - elected - len(remaining)
        for i in chosen:
            scores[i] = rank
        remaining.difference_update(chosen)
    return scores


def _scottish(ballots: Values, price: Fraction, *, M: int, k: int, strictly: bool) -> list[int]:
    """Scores of one prompt by the Scottish Order; votes are in units of 1 / `VOTE`."""
    quota = price * VOTE
    continuing = set(range(M))
    # What a ballot of each kind is worth to each response, and the votes of each, stage by stage.
    papers: list[dict[int, int]] = [{} for _ in range(M)]
    votes = [0] * M
    stages: list[list[int]] = [[] for _ in range(M)]

    def pass_on(b: int, value: int, part: int, whole: int) -> None:
        tops = ([i for i in level if i in continuing] for level in ballots.kinds[b])
        top = next(filter(None, tops), [])
        for i in top:
            each = value * part // (whole * len(top))
            papers[i][b] = papers[i].get(b, 0) + each
            votes[i] += each * ballots.votes[b]

    for b in range(len(ballots.kinds)):
        pass_on(b, VOTE, 1, 1)
    elected: list[list[int]] = []
    excluded: list[list[int]] = []
    surplus: set[int] = set()  # who has one that is not yet passed on
    while True:
        for votes_of_one, now in zip(stages, votes, strict=True):
            votes_of_one.append(now)
        vacant = k - sum(map(len, elected))
        last = len(continuing) <= vacant
        over = {i for i in continuing if last or votes[i] >= quota}
        elected += _by_votes(over, stages, strictly)
        surplus |= {i for i in over if votes[i] > quota}
        continuing -= over
        if not continuing:
            break
        part = whole = 1
        if surplus and len(over) < vacant:
            leaving = _by_votes(surplus, stages, strictly)[0]
            surplus.difference_update(leaving)
            whole = votes[leaving[0]] * quota.denominator
            part = whole - quota.numerator
        else:
            leaving = _by_votes(continuing, stages, strictly)[-1]
            continuing.difference_update(leaving)
            excluded.insert(0, leaving)
        for i in leaving:
            for b, value in papers[i].items():
                pass_on(b, value, part, whole)
    scores = [0] * M
    below = M
    for level in elected + excluded:
        below -= len(level)
        for i in level:
            scores[i] = below
    return scores


def _by_votes(some: set[int], stages: list[list[int]], strictly: bool) -> list[list[int]]:
    """Most votes first; equal ones by the last stage where they differed, else together or in order."""

    def latest_first(i: int) -> list[int]:
        return stages[i][::-1]

    ranking = sorted(sorted(some), key=latest_first, reverse=True)  # stable, in reverse, too
    if strictly:
        return [[i] for i in ranking]
    return [list(level) for _, level in groupby(ranking, latest_first)]
