"""Slow textbook definitions of the statistical rules; see `tests.oracles.textbook`.

Strengths are found one at a time by Hunter's MM algorithm, which climbs slowly and surely, in floats.
They are rounded to seven digits, so that equal ones are equal.
"""

from collections.abc import Callable
from functools import cache
from itertools import combinations, permutations
from math import inf, log

from tests.oracles import textbook as oracles
from tests.oracles.textbook import Ballots, kemeny_orders, support


def compared_pairs(ballots: Ballots, m: int) -> set[tuple[int, int]]:
    """The pairs, both ways round, that a ballot with a weight ranks."""
    voting = [ranks for ranks, weight in ballots if weight > 0]
    return {(i, j) for i, j in permutations(range(m), 2) if any(i in b and j in b for b in voting)}


def linked_to(i: int, pairs: set[tuple[int, int]]) -> set[int]:
    """All that a chain of pairs leads to, and the response itself."""
    group = {i}
    while more := {b for a, b in pairs if a in group} - group:
        group |= more
    return group


def climb(
    m: int, pairs: set[tuple[int, int]], update: Callable[[list[float], int], float]
) -> list[float]:
    """Set one strength after another until none changes; logarithms with mean 0 in each linked group."""
    strengths = [1.0] * m
    for _ in range(100_000):
        before = list(strengths)
        for i in {i for i, _ in pairs}:
            strengths[i] = update(strengths, i)
        if max(abs(x / y - 1) for x, y in zip(strengths, before, strict=True)) < 1e-14:
            break
    logs = [log(x) for x in strengths]
    groups = [linked_to(i, pairs) for i in range(m)]
    return [
        round(x - sum(logs[j] for j in sorted(group)) / len(group), 7) + 0.0
        for x, group in zip(logs, groups, strict=True)
    ]


def bradley_terry(ballots: Ballots, m: int, prior: float = 1.0) -> list[float]:
    """The mode: every i has as many wins as expected, ties and the prior counted half on each side."""
    wins, pairs = [[0.0] * m for _ in range(m)], compared_pairs(ballots, m)
    for i, j in pairs:
        tied = sum(w for b, w in ballots if i in b and j in b and b[i] == b[j])
        wins[i][j] = float(support(ballots, i, j)) + float(tied) / 2 + prior / 2

    def update(strengths: list[float], i: int) -> float:
        others = [j for j in range(m) if (i, j) in pairs]
        expected = sum((wins[i][j] + wins[j][i]) / (strengths[i] + strengths[j]) for j in others)
        return sum(wins[i][j] for j in others) / expected

    return climb(m, pairs, update)


def choices(ballots: Ballots) -> list[tuple[int, list[int], float]]:
    """Who was chosen, from whom, and the weight of it: for all levels of a ballot but the last."""
    chosen = []
    for ranks, weight in ballots:
        for i, rank in ranks.items():
            if rank < max(ranks.values()):
                chosen.append((i, [j for j in ranks if ranks[j] >= rank], float(weight)))
    return chosen


def plackett_luce(ballots: Ballots, m: int, prior: float = 1.0) -> list[float]:
    """The mode: every i is chosen as often as expected; prior / 2 wins over each response met on a ballot."""
    decisions, pairs = choices(ballots), compared_pairs(ballots, m)
    for i, j in pairs:
        decisions.append((i, [i, j], prior / 2))

    def update(strengths: list[float], i: int) -> float:
        expected = sum(
            w / sum(strengths[j] for j in group) for _, group, w in decisions if i in group
        )
        return sum(w for chosen, _, w in decisions if chosen == i) / expected

    return climb(m, pairs, update)


@cache
def distances(m: int) -> dict[tuple[int, ...], int]:
    """Of each order of 0, ..., m - 1 the pairs that it has the other way round."""
    return {
        order: sum(a > b for a, b in combinations(order, 2)) for order in permutations(range(m))
    }


def mallows_chances(phi: float, m: int) -> dict[tuple[int, ...], float]:
    """The probability of each order of 0, ..., m - 1, which is the centre."""
    weights = {order: phi**distance for order, distance in distances(m).items()}
    total = sum(weights.values())
    return {order: weight / total for order, weight in weights.items()}


def dispersion(ballots: Ballots, m: int) -> float:
    """The φ with the mean distance of the ballots to an optimal order; what they leave open counts half."""
    total = sum(weight for _, weight in ballots)
    _, orders = kemeny_orders(ballots, m)
    margins = [
        support(ballots, i, j) - support(ballots, j, i) for i, j in combinations(orders[0], 2)
    ]
    mean = float(sum((1 - margin / total) / 2 for margin in margins)) if total else inf
    if mean == 0 or mean >= m * (m - 1) / 4:
        return 0.0 if mean == 0 else 1.0
    low, high = 0.0, 1.0
    for _ in range(50):
        phi = (low + high) / 2
        chances = mallows_chances(phi, m)
        if sum(distances(m)[order] * chance for order, chance in chances.items()) < mean:
            low = phi
        else:
            high = phi
    return (low + high) / 2


def mallows(ballots: Ballots, m: int) -> list[float]:
    """The mean number of responses below, by place of the centre; Kemeny's blocks share the mean."""
    chances = mallows_chances(dispersion(ballots, m), m)
    below = [sum((m - 1 - order.index(i)) * x for order, x in chances.items()) for i in range(m)]
    scores, start = [0.0] * m, 0
    for block in oracles.kemeny(ballots, m):
        mean = sum(below[start : start + len(block)]) / len(block)
        start += len(block)
        for i in block:
            scores[i] = mean
    return scores
