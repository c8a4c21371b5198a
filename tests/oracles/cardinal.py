"""Textbook definitions of the cardinal rules; see `tests.oracles.textbook` for what a ballot is.

Each takes what ballots say responses are worth as a list of (worth by response, weight); a ballot
that is a ranking is worth a point per response below and half a point per tie.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cmp_to_key
from itertools import combinations
from math import prod
from typing import Any

from tests.oracles.textbook import Ballots, Blocks

Worths = Sequence[tuple[dict[int, Fraction], Fraction]]


def points(ballots: Ballots) -> Worths:
    worths = []
    for ranks, weight in ballots:
        worth = {}
        for i in ranks:
            below = sum(ranks[j] > ranks[i] for j in ranks)
            tied = sum(ranks[j] == ranks[i] for j in ranks) - 1
            worth[i] = below + Fraction(tied, 2)
        worths.append((worth, weight))
    return worths


def blocks_by(better: Callable[[int, int], int], responses: Sequence[int]) -> Blocks:
    """A weak order from a comparison: positive if the first of the two is better."""
    order = sorted(responses, key=cmp_to_key(better), reverse=True)
    blocks: Blocks = []
    for i in order:
        if blocks and better(blocks[-1][0], i) == 0:
            blocks[-1] = sorted([*blocks[-1], i])
        else:
            blocks.append([i])
    return blocks


def compared(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


def worth_utilitarian(worths: Worths, m: int) -> list[Fraction]:
    return [sum((w * worth.get(i, 0) for worth, w in worths), Fraction(0)) for i in range(m)]


def worth_average(worths: Worths, m: int) -> list[Fraction]:
    opinions = [sum((w for worth, w in worths if i in worth), Fraction(0)) for i in range(m)]
    totals = [
        sum((w * worth[i] for worth, w in worths if i in worth), Fraction(0)) for i in range(m)
    ]
    everybody = sum(opinions, Fraction(0))
    mean = sum(totals, Fraction(0)) / everybody if everybody else Fraction(0)
    pairs = zip(totals, opinions, strict=True)
    return [total / n if n else mean for total, n in pairs]


def worth_relative_utilitarian(worths: Worths, m: int) -> list[Fraction]:
    scores = [Fraction(0)] * m
    for worth, weight in worths:
        values = worth.values()
        for i in worth:
            if max(values) > min(values):
                scores[i] += weight * (worth[i] - min(values)) / (max(values) - min(values))
    return scores


def repeated(worths: Worths, i: int, factor: int = 1) -> list[Fraction]:
    """The scores of one response from the lowest up, each as often as its ballot weighs."""
    scale = factor * prod({w.denominator for _, w in worths})
    return sorted(worth[i] for worth, w in worths if i in worth for _ in range(int(w * scale)))


def equally_long(worths: Worths, i: int, j: int) -> tuple[list[Fraction], list[Fraction]]:
    n, k = len(repeated(worths, i)), len(repeated(worths, j))
    return repeated(worths, i, k or 1), repeated(worths, j, n or 1)


def worth_leximin(worths: Worths, m: int) -> Blocks:
    def better(i: int, j: int) -> int:
        ours, theirs = equally_long(worths, i, j)
        if not ours or not theirs:
            return compared(len(ours), len(theirs))
        return compared(ours, theirs)

    return blocks_by(better, range(m))


def worth_majority_judgement(worths: Worths, m: int) -> Blocks:
    """The medians, the lower of two, taken away one by one."""

    def medians(scores: list[Fraction]) -> list[Fraction]:
        remaining, taken = list(scores), []
        while remaining:
            taken.append(remaining.pop((len(remaining) - 1) // 2))
        return taken

    def better(i: int, j: int) -> int:
        ours, theirs = equally_long(worths, i, j)
        if not ours or not theirs:
            return compared(len(ours), len(theirs))
        return compared(medians(ours), medians(theirs))

    return blocks_by(better, range(m))


def worth_nash(worths: Worths, m: int) -> Blocks:
    """The weight of positive scores, then their product, over whole numbers of ballots."""
    scale = prod({w.denominator for _, w in worths})
    keys = []
    for i in range(m):
        weight, product = Fraction(0), Fraction(1)
        for worth, w in worths:
            shift = min([Fraction(0), *worth.values()])
            if i in worth and worth[i] - shift > 0:
                weight += w
                product *= (worth[i] - shift) ** int(w * scale)
        keys.append((weight, product))
    return blocks_by(lambda i, j: compared(keys[i], keys[j]), range(m))


def worth_star(worths: Worths, m: int, ties: str = "keep") -> Blocks:
    """Repeated winners, over all ways to break ties for the runoff, or by the first response."""
    totals = worth_utilitarian(worths, m)

    def runoff(i: int, j: int) -> int:
        """Positive if i wins."""
        both = [(worth, w) for worth, w in worths if i in worth and j in worth]
        margin = sum((w * compared(worth[i], worth[j]) for worth, w in both), Fraction(0))
        return compared(margin, 0) or compared(totals[i], totals[j])

    remaining, blocks = list(range(m)), []
    while remaining:
        first_two = sorted((totals[i] for i in remaining), reverse=True)[:2]
        pairs = [
            (i, j)
            for i, j in combinations(remaining, 2)
            if sorted((totals[i], totals[j]), reverse=True) == first_two
        ]
        if ties == "lexicographic" and pairs:
            i, j = sorted(remaining, key=lambda i: (-totals[i], i))[:2]
            block = [j if runoff(i, j) < 0 else i]
        elif pairs:
            winners = [
                {i, j} if runoff(i, j) == 0 else {i if runoff(i, j) > 0 else j} for i, j in pairs
            ]
            block = sorted(set().union(*winners))
        else:
            block = remaining
        blocks.append(block)
        remaining = [i for i in remaining if i not in block]
    return blocks


def utilitarian(ballots: Ballots, m: int) -> list[Fraction]:
    return worth_utilitarian(points(ballots), m)


def relative_utilitarian(ballots: Ballots, m: int) -> list[Fraction]:
    return worth_relative_utilitarian(points(ballots), m)


def leximin(ballots: Ballots, m: int) -> Blocks:
    return worth_leximin(points(ballots), m)


def majority_judgement(ballots: Ballots, m: int) -> Blocks:
    return worth_majority_judgement(points(ballots), m)


def nash(ballots: Ballots, m: int) -> Blocks:
    return worth_nash(points(ballots), m)


def star(ballots: Ballots, m: int, ties: str = "keep") -> Blocks:
    return worth_star(points(ballots), m, ties)
