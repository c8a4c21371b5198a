"""Textbook definitions of the positional rules; see `tests.oracles.textbook` for what a ballot is."""

from collections.abc import Sequence
from fractions import Fraction

from tests.oracles.textbook import Ballots


def places_on(places: dict[int, int], m: int) -> list[list[int]]:
    """The groups of one ballot from first to last; the responses that it does not rank come last."""
    levels = [[i for i in places if places[i] == p] for p in sorted(set(places.values()))]
    return [*levels, [i for i in range(m) if i not in places]]


def by_vector(ballots: Ballots, m: int, vector: Sequence[Fraction | int]) -> list[Fraction]:
    """Each place gives its score; groups deal out the scores of their places evenly."""
    scores = [Fraction(0)] * m
    for places, weight in ballots:
        if not places:
            continue
        rest = [Fraction(score) for score in vector]
        for group in places_on(places, m):
            pot, rest = sum(rest[: len(group)], Fraction(0)), rest[len(group) :]
            for i in group:
                scores[i] += weight * pot / len(group)
    return scores


def veto(ballots: Ballots, m: int) -> list[Fraction]:
    return by_vector(ballots, m, [0] * (m - 1) + [-1])


def k_approval(ballots: Ballots, m: int, k: int = 2) -> list[Fraction]:
    return by_vector(ballots, m, ([1] * k + [0] * m)[:m])


def dowdall(ballots: Ballots, m: int) -> list[Fraction]:
    return by_vector(ballots, m, [Fraction(1, place) for place in range(1, m + 1)])


def positional(ballots: Ballots, m: int) -> list[Fraction]:
    return by_vector(ballots, m, [m - place for place in range(1, m + 1)])


def borda_variant(ballots: Ballots, m: int, variant: str) -> list[Fraction]:
    scores = [Fraction(0)] * m
    for places, weight in ballots:
        for i in places:
            above = sum(places[j] < places[i] for j in places)
            below = sum(places[j] > places[i] for j in places)
            tied = len(places) - 1 - above - below
            points: dict[str, Fraction | int] = {
                "domination": below,
                "weak_domination": below + tied,
                "non_domination": -above,
                "symmetric": Fraction(m - 1 + below - above, 2),
            }
            scores[i] += weight * points[variant]
        if variant == "symmetric":
            for i in set(range(m)) - set(places):
                scores[i] += weight * Fraction(m - 1, 2)
    return scores


def approval(ballots: Ballots, m: int, top: int | None = None) -> list[Fraction]:
    """By default a ballot approves its first place and whom it ranks above more than below."""
    scores = [Fraction(0)] * m
    for places, weight in ballots:
        for i in places:
            above = sum(places[j] < places[i] for j in places)
            below = sum(places[j] > places[i] for j in places)
            if (above < top) if top is not None else (above == 0 or below > above):
                scores[i] += weight
    return scores


def bucklin(ballots: Ballots, m: int) -> list[tuple[int, Fraction]]:
    """Minus the round of the majority (m + 1 if there is none), then the support in that round."""
    total = sum((weight for _, weight in ballots), Fraction(0))
    found = []
    for i in range(m):
        supported = []
        for r in range(1, m + 1):
            behind = [
                weight
                for places, weight in ballots
                if i in places and sum(places[j] < places[i] for j in places) < r
            ]
            supported.append(sum(behind, Fraction(0)))
        rounds = [r for r in range(1, m + 1) if supported[r - 1] > total / 2]
        r = rounds[0] if rounds else m + 1
        found.append((-r, supported[min(r, m) - 1]))
    return found
