"""Textbook definitions of the positional rules; see `tests.oracles.textbook` for what a ballot is."""

from collections.abc import Sequence
from fractions import Fraction

from tests.oracles.proportional import approved
from tests.oracles.textbook import Ballots


def points_on(ranks: dict[int, int], vector: Sequence[Fraction | int]) -> dict[int, Fraction]:
    """The points of the responses that one ballot ranks; groups share the scores of their places evenly."""
    points: dict[int, Fraction] = {}
    rest = [Fraction(score) for score in vector]
    for p in sorted(set(ranks.values())):
        group = [i for i in ranks if ranks[i] == p]
        pot, rest = sum(rest[: len(group)], Fraction(0)), rest[len(group) :]
        points |= {i: pot / len(group) for i in group}
    return points


def sums(ballots: Ballots, m: int, vector: Sequence[Fraction | int]) -> list[Fraction]:
    """Points of the places; nothing for a response that the ballot does not rank."""
    scores = [Fraction(0)] * m
    for ranks, weight in ballots:
        for i, points in points_on(ranks, vector).items():
            scores[i] += weight * points
    return scores


def by_vector(ballots: Ballots, m: int, vector: Sequence[Fraction | int]) -> list[Fraction]:
    """The mean score, and for each response that is ranked its mean lead over those that are."""
    scores = [Fraction(0)] * m
    for ranks, weight in ballots:
        points = points_on(ranks, vector)
        for i in range(m):
            lead = sum((points[i] - points[j] for j in ranks), Fraction(0)) if i in ranks else 0
            scores[i] += weight * (Fraction(sum(vector)) / m + Fraction(lead) / max(len(ranks), 1))
    return scores


def veto(ballots: Ballots, m: int) -> list[Fraction]:
    """Who is last loses a share of the vote, unless nobody is known to be above."""
    scores = [Fraction(0)] * m
    for ranks, weight in ballots:
        last = [i for i in ranks if ranks[i] == max(ranks.values())]
        if len(ranks) == m or len(last) < len(ranks):
            for i in last:
                scores[i] -= weight / len(last)
    return scores


def k_approval(ballots: Ballots, m: int, k: int = 2) -> list[Fraction]:
    return sums(ballots, m, ([1] * k + [0] * m)[:m])


def dowdall(ballots: Ballots, m: int) -> list[Fraction]:
    return by_vector(ballots, m, [Fraction(1, rank) for rank in range(1, m + 1)])


def positional(ballots: Ballots, m: int) -> list[Fraction]:
    return by_vector(ballots, m, [m - rank for rank in range(1, m + 1)])


def borda_variant(ballots: Ballots, m: int, variant: str) -> list[Fraction]:
    scores = [Fraction(0)] * m
    for ranks, weight in ballots:
        for i in ranks:
            above = sum(ranks[j] < ranks[i] for j in ranks)
            below = sum(ranks[j] > ranks[i] for j in ranks)
            tied = len(ranks) - 1 - above - below
            points: dict[str, Fraction | int] = {
                "domination": below,
                "weak_domination": below + tied,
                "non_domination": -above,
                "symmetric": Fraction(m - 1 + below - above, 2),
            }
            scores[i] += weight * points[variant]
        if variant == "symmetric":
            for i in set(range(m)) - set(ranks):
                scores[i] += weight * Fraction(m - 1, 2)
    return scores


def approval(ballots: Ballots, m: int, top: int | None = None) -> list[Fraction]:
    voters = approved(ballots, top)
    return [sum((w for approvals, w in voters if i in approvals), Fraction(0)) for i in range(m)]


def bucklin(ballots: Ballots, m: int) -> list[tuple[int, Fraction]]:
    """Minus the round of the majority (m + 1 if there is none), then the support in that round."""
    total = sum((weight for _, weight in ballots), Fraction(0))
    scores = []
    for i in range(m):
        supported = []
        for r in range(1, m + 1):
            behind = [
                weight
                for ranks, weight in ballots
                if i in ranks and sum(ranks[j] < ranks[i] for j in ranks) < r
            ]
            supported.append(sum(behind, Fraction(0)))
        rounds = [r for r in range(1, m + 1) if supported[r - 1] > total / 2]
        r = rounds[0] if rounds else m + 1
        scores.append((-r, supported[min(r, m) - 1]))
    return scores
