"""The perpetual rules that weigh ballots, in exact fractions: plain Python, some 1,000 prompts a second."""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from rlchf.numeric.integer_weights import integer_weights
from rlchf.rules.across._parts.layout import Sequence
from rlchf.rules.across._parts.orders import MOST, approves
from rlchf.rules.across._parts.perpetual.loop import (
    APPROVAL,
    PAIR,
    WINNER,
    decided_pairs,
    satisfaction,
    worth,
)

if TYPE_CHECKING:
    from rlchf.rules.across._parts.perpetual.weighting import Credit

Votes = list[Fraction]


def decide_exactly(
    laid: Sequence, base: str, unit: int, credit: "Credit", scores: np.ndarray
) -> None:
    """Rank prompt after prompt into ``scores`` (R,); no sum is rounded.

    Raises
    ------
    ValueError
        If the base rule is not one of kemeny (of up to 10 responses), borda and approval.
    """
    most = int(laid.sizes.max())
    if base not in BASES or (base == "kemeny" and most > MOST):
        raise ValueError(
            f"exact is true for base {base!r} and {most} responses; it works for kemeny of up to "
            f"{MOST} responses, borda, and approval"
        )
    say, after = credit.say.__wrapped__, credit.after.__wrapped__
    state = [Fraction(credit.start)] * laid.n_annotators
    for p in laid.prompts.tolist():
        M, at = int(laid.sizes[p]), slice(int(laid.ballots[p]), int(laid.ballots[p + 1]))
        weights, who = laid.weights[at], laid.annotators[at].tolist()
        ranks = laid.block(np.array([p]))[1].reshape(len(who), M)
        votes, decided = exact_votes(weights), np.empty((M, M), dtype=bool)
        n = decided_pairs(unit, ranks, weights, decided)
        due = dict.fromkeys(who, Fraction(0))
        if credit.deserves and n:
            due = of_each(who, _deserved(unit, ranks, votes, decided, n))
        says = [vote * say(state[a], due[a]) for vote, a in zip(votes, who, strict=True)]
        order = BASES[base](ranks, _whole(says if any(s > 0 for s in says) else votes))
        scores[laid.responses[p] + np.array(order)] = np.arange(M - 1, -1, -1)
        if n:
            chosen = np.array(order)
            got = of_each(who, (got_of(unit, ballot, chosen, decided, n) for ballot in ranks))
            taken = sum(v * got[a] for v, a in zip(votes, who, strict=True) if state[a] > 0)
            price = sum(votes) / taken if taken else Fraction(0)
            for a in got:
                state[a] = after(state[a], got[a], due[a], price)


def exact_votes(weights: np.ndarray) -> Votes:
    """The weights of a prompt in proportion; 0.1, 0.2 and 0.3 are as 1, 2 and 3, though floats are not."""
    votes, _, exact = integer_weights(weights, np.array([0, len(weights)]))
    return [Fraction(v) for v in (votes if exact[0] else weights).tolist()]


def of_each(who: list[int], values: Iterable[Fraction]) -> dict[int, Fraction]:
    """The mean over each annotator's ballots."""
    times, found = Counter(who), dict.fromkeys(who, Fraction(0))
    for a, value in zip(who, values, strict=True):
        found[a] += value / times[a]
    return found


def got_of(
    unit: int, ballot: np.ndarray, order: np.ndarray, decided: np.ndarray, n: int
) -> Fraction:
    """The float is a fraction of small whole numbers, so that the nearest such one is meant."""
    most = n if unit <= PAIR else max(len(ballot) - 1, 1)
    return Fraction(round(satisfaction(unit, ballot, order, decided, n) * most), most)


def _deserved(unit: int, ranks: np.ndarray, votes: Votes, decided: np.ndarray, n: int) -> Votes:
    M = ranks.shape[1]
    if unit in (WINNER, APPROVAL):
        worths = worths_of(unit, ranks)
        total = sum(votes) or Fraction(1)
        mean = [
            sum(v * row[i] for v, row in zip(votes, worths, strict=True)) / total for i in range(M)
        ]
        return [max(u * m for u, m in zip(row, mean, strict=True)) for row in worths]
    above = above_of(ranks, votes)
    both = [[above[i][j] + above[j][i] for j in range(M)] for i in range(M)]
    pairs = [(i, j) for i in range(M) for j in range(M) if decided[i, j] and above[i][j] > 0]
    return [
        sum((above[i][j] / both[i][j] for i, j in pairs if 0 < row[i] < row[j]), Fraction(0)) / n
        for row in ranks.tolist()
    ]


def worths_of(unit: int, ranks: np.ndarray) -> list[Votes]:
    """What each ballot gets from each response in first place."""
    M = ranks.shape[1]
    most = max(M - 1, 1)
    return [
        [Fraction(round(worth(unit, ballot, i) * most), most) for i in range(M)] for ballot in ranks
    ]


def above_of(ranks: np.ndarray, votes: Votes) -> list[list[Fraction]]:
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
    M, above = ranks.shape[1], above_of(ranks, votes)

    def gain(i: int, left: int) -> Fraction:
        others = (j for j in range(M) if left >> j & 1)
        return best[left ^ (1 << i)] + sum((above[i][j] - above[j][i] for j in others), Fraction(0))

    best = [Fraction(0)]
    for left in range(1, 1 << M):
        best.append(max(gain(i, left) for i in range(M) if left >> i & 1))
    order: list[int] = []
    left = (1 << M) - 1
    while left:
        order.append(next(i for i in range(M) if left >> i & 1 and gain(i, left) == best[left]))
        left ^= 1 << order[-1]
    return order


def _borda(ranks: np.ndarray, votes: Votes) -> list[int]:
    M, above = ranks.shape[1], above_of(ranks, votes)
    return sorted(range(M), key=lambda i: sum(above[j][i] - above[i][j] for j in range(M)))


def _approval(ranks: np.ndarray, votes: Votes) -> list[int]:
    def score(i: int) -> Fraction:
        approving = (v for row, v in zip(ranks, votes, strict=True) if approves(row, i))
        return sum(approving, Fraction(0))

    return sorted(range(ranks.shape[1]), key=score, reverse=True)


BASES = {"kemeny": _kemeny, "borda": _borda, "approval": _approval}
