"""The perpetual rules that weigh ballots, in exact fractions: plain Python, about 1,000 prompts a second."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import lcm

import numpy as np

from rlchf.numeric.integer_weights import integer_weights
from rlchf.rules.across._parts.layout import Ballots, Layout
from rlchf.rules.across._parts.orders import FULL, MOST_FOR_SUBSETS, approves
from rlchf.rules.across._parts.perpetual.loop import Weighting
from rlchf.rules.across._parts.perpetual.satisfaction import (
    APPROVAL,
    GRADED_PAIR,
    PAIR,
    WINNER,
    Counted,
    counted_pairs,
    rows_of,
    satisfaction_with,
    winner_satisfaction,
)

PER_FULL = Fraction(1) / Fraction(str(FULL))

Votes = list[Fraction]
"""The votes of each ballot."""


def decide_exactly(
    layout: Layout, base: str, unit: int, weighting: Weighting, scores: np.ndarray
) -> None:
    """Rank prompt after prompt into ``scores`` (R,); no sum is rounded.

    Raises
    ------
    ValueError
        If the base rule is not one of kemeny (of up to 10 responses), borda and approval.
    """
    largest = int(layout.sizes.max())
    if base not in BASES or (base == "kemeny" and largest > MOST_FOR_SUBSETS):
        raise ValueError(
            f"exact is true for base {base!r} and {largest} responses; it works for kemeny of up to "
            f"{MOST_FOR_SUBSETS} responses, borda, and approval"
        )
    ballot_weight, update = weighting.ballot_weight.__wrapped__, weighting.update.__wrapped__
    state = [Fraction(weighting.start)] * layout.n_annotators
    for p in layout.prompts.tolist():
        ballots = prompt_ballots(layout, p)
        votes, who = exact_votes(ballots.weights), ballots.annotators.tolist()
        counted = exact_counted(unit, ballots, votes)
        entitlement = dict.fromkeys(who, Fraction(0))
        if weighting.uses_entitlement and counted.n:
            entitlement = mean_by_annotator(
                who, votes, _entitlements(rows_of(unit, ballots), votes, counted)
            )
        factors = [ballot_weight(state[a], entitlement[a]) for a in who]
        weighed = [vote * factor for vote, factor in zip(votes, factors, strict=True)]
        counts = weighed if any(w > 0 for w in weighed) else votes
        ranks = ballots.judged if base == "approval" else ballots.ranks
        order = layout.frozen_order(p)
        if order is None:
            order = np.array(BASES[base](ranks, _whole(counts)))
        start = layout.rankings.response_starts[p]
        scores[start + order] = np.arange(len(order) - 1, -1, -1)
        if counted.n:
            satisfactions = (
                _satisfaction(counted, ballot, order) for ballot in rows_of(unit, ballots)
            )
            satisfaction = mean_by_annotator(who, votes, satisfactions)
            of_payers = ((v, a) for v, a in zip(votes, who, strict=True) if state[a] > 0)
            paid = sum(vote * satisfaction[a] for vote, a in of_payers)
            price = counted.stake * sum(votes) / paid if paid else Fraction(0)
            for a in satisfaction:
                state[a] = update(state[a], satisfaction[a], entitlement[a], price, counted.stake)


@dataclass(frozen=True)
class ExactCounted:
    """`Counted` in fractions, and as it is."""

    unit: int
    pairs: list[Votes]
    n: Fraction
    stake: Fraction
    rounded: Counted


def exact_counted(unit: int, ballots: Ballots, votes: Votes) -> ExactCounted:
    """How much each pair counts on a prompt, from the votes of its ballots."""
    rounded = counted_pairs(unit, ballots)
    pairs = [[Fraction(int(x)) for x in row] for row in rounded.pairs.tolist()]
    if unit != GRADED_PAIR or rounded.n == 0:
        return ExactCounted(unit, pairs, Fraction(int(rounded.n)), Fraction(1), rounded)
    above, total, M = votes_above(ballots.ranks, votes), sum(votes), len(pairs)
    pairs = [
        [min(Fraction(1), PER_FULL * min(above[i][j], above[j][i]) / total) ** 2 for j in range(M)]
        for i in range(M)
    ]
    flat = [grade for row in pairs for grade in row]
    stake = max(flat)
    return ExactCounted(unit, pairs, sum(flat, Fraction(0)) / 2 / stake, stake, rounded)


def prompt_ballots(layout: Layout, p: int) -> Ballots:
    """The ballots of prompt p."""
    starts = layout.rankings.ballot_starts
    part = slice(int(starts[p]), int(starts[p + 1]))
    block = layout.block(np.array([p]))
    ranks, judged = (rows.reshape(-1, int(layout.sizes[p])) for rows in (block.ranks, block.judged))
    return Ballots(ranks, judged, block.weights[part], block.annotators[part])


def exact_votes(weights: np.ndarray) -> Votes:
    """Votes in proportion to the weights of a prompt; 0.1, 0.2 and 0.3 become exactly 1, 2 and 3."""
    votes, _, is_exact = integer_weights(weights, np.array([0, len(weights)]))
    return [Fraction(v) for v in (votes if is_exact[0] else weights).tolist()]


def parts_by_annotator(who: list[int], votes: Votes) -> Votes:
    """The part of each ballot in its annotator's ballots: by votes, if any has one."""
    n_ballots, totals = Counter(who), dict.fromkeys(who, Fraction(0))
    for a, vote in zip(who, votes, strict=True):
        totals[a] += vote
    return [
        vote / totals[a] if totals[a] else Fraction(1, n_ballots[a])
        for a, vote in zip(who, votes, strict=True)
    ]


def mean_by_annotator(
    who: list[int], votes: Votes, values: Iterable[Fraction]
) -> dict[int, Fraction]:
    """The mean over each annotator's ballots, by their votes."""
    means = dict.fromkeys(who, Fraction(0))
    for a, part, value in zip(who, parts_by_annotator(who, votes), values, strict=True):
        means[a] += value * part
    return means


def _satisfaction(counted: ExactCounted, ballot: np.ndarray, order: np.ndarray) -> Fraction:
    """The satisfaction as a fraction."""
    if counted.unit == GRADED_PAIR:
        agreed = (
            counted.pairs[i][j] for i, j in combinations(order, 2) if 0 < ballot[i] < ballot[j]
        )
        return sum(agreed, Fraction(0)) / counted.n
    parts = int(counted.n) if counted.unit <= PAIR else max(len(ballot) - 1, 1)
    nearest = satisfaction_with(counted.rounded, ballot, order)  # to a multiple of 1 / parts
    return Fraction(round(nearest * parts), parts)


def _entitlements(ranks: np.ndarray, votes: Votes, counted: ExactCounted) -> Votes:
    """The satisfaction that each ballot is entitled to, as in `satisfaction.entitlements`."""
    M = ranks.shape[1]
    if counted.unit in (WINNER, APPROVAL):
        values = winner_satisfactions(counted.unit, ranks)
        total = sum(votes) or Fraction(1)
        mean = [
            sum(v * row[i] for v, row in zip(votes, values, strict=True)) / total for i in range(M)
        ]
        return [max(u * m for u, m in zip(row, mean, strict=True)) for row in values]
    above, grades = votes_above(ranks, votes), counted.pairs
    both = [[above[i][j] + above[j][i] for j in range(M)] for i in range(M)]
    pairs = [(i, j) for i in range(M) for j in range(M) if grades[i][j] and above[i][j] > 0]
    return [
        sum(
            (grades[i][j] * above[i][j] / both[i][j] for i, j in pairs if 0 < row[i] < row[j]),
            Fraction(0),
        )
        / counted.n
        for row in ranks.tolist()
    ]


def winner_satisfactions(unit: int, ranks: np.ndarray) -> list[Votes]:
    """Each ballot's satisfaction with each response in first place."""
    M = ranks.shape[1]
    parts = max(M - 1, 1)
    return [
        [Fraction(round(winner_satisfaction(unit, ballot, i) * parts), parts) for i in range(M)]
        for ballot in ranks
    ]


def votes_above(ranks: np.ndarray, votes: Votes) -> list[list[Fraction]]:
    """The votes of the ballots that rank i above j."""
    M = ranks.shape[1]
    above = [[Fraction(0)] * M for _ in range(M)]
    for row, vote in zip(ranks.tolist(), votes, strict=True):
        for i in range(M):
            for j in range(M):
                if 0 < row[i] < row[j]:
                    above[i][j] += vote
    return above


def _whole(votes: Votes) -> Votes:
    """The same proportions in whole numbers, which add up faster."""
    common = lcm(*(vote.denominator for vote in votes))
    return [vote * common for vote in votes]


def _kemeny(ranks: np.ndarray, votes: Votes) -> list[int]:
    M, above = ranks.shape[1], votes_above(ranks, votes)

    def gain(i: int, subset: int) -> Fraction:
        others = (j for j in range(M) if subset >> j & 1)
        margins = (above[i][j] - above[j][i] for j in others)
        return best[subset ^ (1 << i)] + sum(margins, Fraction(0))

    best = [Fraction(0)]
    for subset in range(1, 1 << M):
        best.append(max(gain(i, subset) for i in range(M) if subset >> i & 1))
    order: list[int] = []
    rest = (1 << M) - 1
    while rest:
        order.append(next(i for i in range(M) if rest >> i & 1 and gain(i, rest) == best[rest]))
        rest ^= 1 << order[-1]
    return order


def _borda(ranks: np.ndarray, votes: Votes) -> list[int]:
    M, above = ranks.shape[1], votes_above(ranks, votes)
    return sorted(range(M), key=lambda i: sum(above[j][i] - above[i][j] for j in range(M)))


def _approval(ranks: np.ndarray, votes: Votes) -> list[int]:
    def score(i: int) -> Fraction:
        approving = (v for row, v in zip(ranks, votes, strict=True) if approves(row, i))
        return sum(approving, Fraction(0))

    return sorted(range(ranks.shape[1]), key=score, reverse=True)


BASES = {"kemeny": _kemeny, "borda": _borda, "approval": _approval}
