"""Textbook definitions of the positional rules; see `tests.oracles.textbook` for what a ballot is."""

from collections.abc import Sequence
from fractions import Fraction

from tests.oracles.proportional import approved
from tests.oracles.textbook import Ballots


def places_on(ranks: dict[int, int], m: int) -> list[list[int]]:
    """The groups of one ballot from first to last; the responses that it does not rank come last."""
    levels = [[i for i in ranks if ranks[i] == p] for p in sorted(set(ranks.values()))]
    return [*levels, [i for i in range(m) if i not in ranks]]


def by_vector(ballots: Ballots, m: int, vector: Sequence[Fraction | int]) -> list[Fraction]:
    """Each place gives its score; groups deal out the scores of their places evenly."""
    scores = [Fraction(0)] * m
    for ranks, weight in ballots:
        if not ranks:
            continue
        rest = [Fraction(score) for score in vector]
        for group in places_on(ranks, m):
            pot, rest = sum(rest[: len(group)], Fraction(0)), rest[len(group) :]
            for i in group:
                scores[i] += weight * pot / len(group)
    return scores


def veto(ballots: Ballots, m: int) -> list[Fraction]:
    return by_vector(ballots, m, [0] * (m - 1) + [-1])


def k_approval(ballots: Ballots, m: int, k: int = 2) -> list[Fraction]:
    return by_vector(ballots, m, ([1] * k + [0] * m)[:m])


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
