"""The single transferable vote."""

from collections.abc import Iterable
from fractions import Fraction
from functools import partial
from itertools import groupby
from typing import Literal

from rlchf.numeric.arrays import Array
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.meek import meek
from rlchf.rules._parts.papers import Papers
from rlchf.rules._parts.stv import Levels, Quota, each_prompt, n_seats

Variant = Literal["inclusive_gregory", "meek", "scottish"]

VOTE = 10**5
"""Scottish values have five decimals: in units of 1 / VOTE votes they are whole numbers."""


@voting_rule(
    kind="proportional",
    any_device=False,
    cost="K M^2",
    axioms=[
        "anonymity",
        "neutrality",
        "homogeneity",
        "unanimity",
        "pareto",
        "majority",
        "monotonicity",
        "participation",
        "consistency",
    ],
)
def stv(
    profiles: Profiles,
    *,
    k: int | None = None,
    variant: Variant = "inclusive_gregory",
    quota: Quota = "exact",
    ties: Ties = "keep",
) -> Array:
    """Rank by election and elimination, with surplus votes transferred; runs on the CPU.

    Each ballot counts for the first remaining response that it ranks. All responses whose votes exceed the
    quota, the price of one of ``k`` seats, are elected, those with more votes first. Then the largest surplus
    is transferred: the ballots that count for that response keep the share of their value above the
    quota, and pass on to the next response that they rank and that is neither elected nor eliminated. If
    nobody exceeds the quota and no surplus is left, the response with the fewest votes is eliminated. The
    count ends when no response remains. The elected responses rank first, in the order of election, then
    the others in reverse order of elimination; so the first ``k`` are the committee that STV elects to
    ``k`` seats.

    A ballot that ties t remaining responses for first gives each 1/t of its value. A ballot that ranks none
    of the remaining responses no longer counts. Votes count exposure: a response that more ballots rank can
    have more.

    Parameters
    ----------
    k
        Number of seats, which sets the quota; by default M - 1. With M - 1 seats, the favourite of n / M
        ballots gets a place near the top, responses are eliminated only when ballots are exhausted or all
        that remain have equally many votes, and the plurality winner is first. If you select a number of
        responses, give it: fewer seats cost more votes each, and ``k=1`` is instant runoff that stops at a
        majority.
    variant
        "inclusive_gregory": all ballots of an elected response transfer the same share of their current
        value (weighted inclusive Gregory, WIGM), also once all seats are filled. Values are exact fractions
        as long as their denominators have at most 1024 bits; then they are rounded down to multiples of
        2^-1024.
        "meek": all responses with a quota are elected at once, keep a share of every ballot, and transfer
        the rest. The shares and the quota, which shrinks with exhausted ballots, are computed to 1e-12 of
        all votes, and votes that differ by less than 1e-9 of all votes are equal. A tie on a ballot counts
        as the average of all its orders. It is slower: some hundred prompts of 20 ballots a second.
        "scottish": the count of the Scottish Local Government Elections Order 2007. All responses with the
        "droop" quota are elected, those with more votes first; then the largest surplus is transferred, by
        its share of the votes, to responses neither elected nor eliminated. Values are cut to five decimals.
        If no more responses remain than seats, all are elected; once all seats are filled, no surplus is
        transferred, and the other responses are eliminated as before. Equal votes are ordered by the last
        stage at which they differed; ``ties`` applies if they never did. The Order knows no ballots with
        ties: each of t tied responses gets a paper of value 1/t, cut to five decimals.
    quota
        "exact": more than n / (k + 1) of n votes (Hagenbach-Bischoff); with any weights, at most k responses
        can exceed it. "droop": at least floor(n / (k + 1)) + 1, with n in units of weight, for whole
        weights. "hare": at least n / k. Meek's and the Scottish variant have their own quota.
    ties
        "keep": responses with equal votes are elected together and transfer their surplus together, and
        all with the fewest votes are eliminated together. "lexicographic": one at a time; the first of the
        tied responses is elected, the last is eliminated.

    Returns
    -------
    (B, M) array of scores: the number of responses ranked below, M - 1 to 0.

    References
    ----------
    T. Hare, "A treatise on the election of representatives", 1859; for surplus at reduced value
    J. B. Gregory, 1880. B. L. Meek, "A new approach to the single transferable vote",
    1969; I. D. Hill, B. A. Wichmann, D. R. Woodall, "Algorithm 123: single transferable vote by
    Meek's method", 1987. The Scottish Local Government Elections Order 2007 (SSI 2007/42), schedule 1,
    rules 45 to 52.

    Examples
    --------
    Two groups of 6 and 4 ballots alternate; a majority rule would rank c and d last:

    >>> ballots = ["a > b > c > d"] * 6 + ["c > d > a > b"] * 4
    >>> stv(Profiles.from_ballots([ballots]))
    array([[3., 1., 2., 0.]])
    """
    M, strictly = profiles.n_responses, ties == "lexicographic"
    k = n_seats(k, M)
    if variant != "inclusive_gregory" and quota != "exact":
        raise ValueError(f"quota is {quota!r}; variant {variant!r} has its own, leave it 'exact'")
    if variant == "meek":
        return meek(profiles, k, strictly)
    if variant == "scottish":
        return each_prompt(profiles, k, "droop", partial(_scottish, M=M, k=k, strictly=strictly))
    count = partial(_count, M=M, enough=quota != "exact", strictly=strictly)
    return each_prompt(profiles, k, quota, count)


def _count(
    ballots: dict[Levels, int], price: Fraction, M: int, *, enough: bool, strictly: bool
) -> list[int]:
    """Scores of one prompt by weighted inclusive Gregory; ``enough``: exactly the price elects, too."""
    papers = Papers(ballots, M)
    remaining = set(range(M))
    scores = [0] * M
    above = 0  # the number of responses elected
    surplus: set[int] = set()  # the elected ones whose surplus is not yet transferred
    while remaining:
        cost = price.numerator * papers.whole
        counts = {i: papers.counts[i] * price.denominator for i in sorted(remaining | surplus)}
        reached = [i for i in remaining if counts[i] > cost or (enough and 0 < counts[i] == cost)]
        for level in _levels_by(reached, counts, strictly):
            above += len(level)
            for i in level:
                scores[i] = M - above
        remaining.difference_update(reached)
        surplus.update(i for i in reached if counts[i] > cost)
        if surplus:
            leaving = _levels_by(surplus, counts, strictly)[0]
            surplus.difference_update(leaving)
            most = counts[leaving[0]]
            papers.transfer(leaving, remaining, most - cost, most)
        elif remaining:
            leaving = _levels_by(remaining, counts, strictly)[-1]
            for i in leaving:
                scores[i] = M - above - len(remaining)
            remaining.difference_update(leaving)
            papers.transfer(leaving, remaining)
    return scores


def _levels_by(responses: Iterable[int], counts: dict[int, int], strictly: bool) -> list[list[int]]:
    """Most votes first; equal votes together, or in the order of the responses."""
    ranking = sorted(responses, key=lambda i: (-counts[i], i))
    if strictly:
        return [[i] for i in ranking]
    return [list(level) for _, level in groupby(ranking, counts.__getitem__)]


def _scottish(
    ballots: dict[Levels, int], price: Fraction, *, M: int, k: int, strictly: bool
) -> list[int]:
    """Scores of one prompt by the Scottish Order; votes are in units of 1 / `VOTE`."""
    quota = price * VOTE
    kinds, numbers = list(ballots), list(ballots.values())
    continuing = set(range(M))
    # The value of a ballot of each kind to each response, and the votes of each, stage by stage.
    papers: list[dict[int, int]] = [{} for _ in range(M)]
    votes = [0] * M
    stages: list[list[int]] = [[] for _ in range(M)]

    def transfer(b: int, value: int, part: int, whole: int) -> None:
        tops = ([i for i in level if i in continuing] for level in kinds[b])
        top = next(filter(None, tops), [])
        for i in top:
            share = value * part // (whole * len(top))
            papers[i][b] = papers[i].get(b, 0) + share
            votes[i] += share * numbers[b]

    for b in range(len(kinds)):
        transfer(b, VOTE, 1, 1)
    elected: list[list[int]] = []
    excluded: list[list[int]] = []
    surplus: set[int] = set()  # the responses with a surplus that is not yet transferred
    while True:
        for stage_votes, current_votes in zip(stages, votes, strict=True):
            stage_votes.append(current_votes)
        vacant = k - sum(map(len, elected))
        last = len(continuing) <= vacant
        winners = {i for i in continuing if last or votes[i] >= quota}
        elected += _by_votes(winners, stages, strictly)
        surplus |= {i for i in winners if votes[i] > quota}
        continuing -= winners
        if not continuing:
            break
        part = whole = 1
        if surplus and len(winners) < vacant:
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
                transfer(b, value, part, whole)
    scores = [0] * M
    below = M
    for level in elected + excluded:
        below -= len(level)
        for i in level:
            scores[i] = below
    return scores


def _by_votes(responses: set[int], stages: list[list[int]], strictly: bool) -> list[list[int]]:
    """Most votes first; equal votes by the last stage where they differed, else together or in order."""

    def latest_first(i: int) -> list[int]:
        return stages[i][::-1]

    ranking = sorted(sorted(responses), key=latest_first, reverse=True)  # stable also in reverse
    if strictly:
        return [[i] for i in ranking]
    return [list(level) for _, level in groupby(ranking, latest_first)]
