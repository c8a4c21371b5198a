"""Slow textbook definitions of what the evaluation measures; nothing from the package."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import exp, log

Ballot = tuple[str, str, Mapping[str, int], Fraction]
"""Prompt, annotator, rank of each response on the ballot, weight."""
Scores = Mapping[str, Mapping[str, float]]
Pair = tuple[str, str, str]
"""Prompt and two responses, the first before the second in the alphabet."""


def votes(ballots: Sequence[Ballot]) -> dict[Pair, list[Fraction]]:
    """For each pair the weight for the first, for the second, and of ties."""
    sides_of: dict[Pair, list[Fraction]] = {}
    for prompt, _, ranks, weight in ballots:
        for a, b in combinations(sorted(ranks), 2):
            sides = sides_of.setdefault((prompt, a, b), [Fraction(0)] * 3)
            sides[0 if ranks[a] < ranks[b] else 1 if ranks[a] > ranks[b] else 2] += weight
    return {pair: sides for pair, sides in sides_of.items() if sum(sides)}


def strict_pairs(
    ballots: Sequence[Ballot], scores: Scores
) -> Iterator[tuple[str, Pair, Fraction, Fraction]]:
    """Annotator, pair, weight and whether it is right, of every strict pair on every ballot."""
    for prompt, annotator, ranks, weight in ballots:
        for a, b in combinations(sorted(ranks), 2):
            if ranks[a] != ranks[b] and weight:
                gap = (scores[prompt][a] - scores[prompt][b]) * (ranks[b] - ranks[a])
                yield annotator, (prompt, a, b), weight, Fraction((gap > 0) - (gap < 0) + 1, 2)


def accuracy(
    ballots: Sequence[Ballot],
    scores: Scores,
    *,
    people: set[str] | None = None,
    pairs: set[Pair] | None = None,
) -> float | None:
    """Share of the strict pairs (of some people, of some pairs) that are right; None if none."""
    chosen = [
        (weight, right)
        for who, pair, weight, right in strict_pairs(ballots, scores)
        if (people is None or who in people) and (pairs is None or pair in pairs)
    ]
    total = sum(w for w, _ in chosen)
    return float(sum(w * right for w, right in chosen) / total) if total else None


def margin(sides: Sequence[Fraction]) -> int:
    """Which tenth above a half the winner's share of the strict votes is in; 5 if it is 1."""
    share = max(sides[:2]) / (sides[0] + sides[1])
    return 5 if share == 1 else int(10 * share) - 5


def attainable(ballots: Sequence[Ballot], *, pairs: set[Pair] | None = None) -> float | None:
    """The accuracy of siding with each pair's majority; None if there are no strict pairs."""
    sides = [s for pair, s in votes(ballots).items() if pairs is None or pair in pairs]
    total = sum(s[0] + s[1] for s in sides)
    return float(sum(max(s[:2]) for s in sides) / total) if total else None


def calibration(ballots: Sequence[Ballot], scores: Scores) -> tuple[float, float, float]:
    """Expected calibration error, log loss and Brier score, vote by vote."""
    bins: dict[int, list[float]] = {}
    loss = brier = total = 0.0
    for (prompt, a, b), (wins, losses, ties) in votes(ballots).items():
        gap = scores[prompt][a] - scores[prompt][b]
        p = 1 / (1 + exp(-gap))
        for_a, for_b = float(wins + ties / 2), float(losses + ties / 2)
        loss -= for_a * log(p) + for_b * log(1 - p)
        brier += for_a * (1 - p) ** 2 + for_b * p**2
        total += for_a + for_b
        if gap == 0:
            for_a = for_b = (for_a + for_b) / 2
        sure, won = (p, for_a) if p >= 0.5 else (1 - p, for_b)
        sums = bins.setdefault(min(int((sure - 0.5) * 20), 9), [0.0, 0.0])
        sums[0] += sure * (for_a + for_b)
        sums[1] += won
    error = sum(abs(predicted - observed) for predicted, observed in bins.values())
    return error / total, loss / total, brier / total
