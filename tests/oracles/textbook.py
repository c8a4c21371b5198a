"""Slow textbook definitions of the rules: plain Python and exact fractions, nothing from the package.

A ballot is a pair: a dictionary from responses to ranks (1 is best, equal is tied, a response that is
not in it is not ranked) and a weight. A profile is a list of ballots and the number of responses.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import combinations, pairwise, permutations
from typing import Any

Ballot = tuple[dict[int, int], Fraction]
Ballots = Sequence[Ballot]
Blocks = list[list[int]]


def puts_above(ranks: dict[int, int], i: int, j: int) -> bool:
    return i in ranks and j in ranks and ranks[i] < ranks[j]


def support(ballots: Ballots, i: int, j: int) -> Fraction:
    """Weight of the ballots that rank i above j."""
    return sum((w for ranks, w in ballots if puts_above(ranks, i, j)), Fraction(0))


def contested_pairs(ballots: Ballots, m: int) -> set[tuple[int, int]]:
    """The pairs that ballots rank both ways, each in both directions."""
    supports, pairs = support_table(ballots, m), permutations(range(m), 2)
    return {(i, j) for i, j in pairs if supports[i][j] and supports[j][i]}


def graded_pairs(ballots: Ballots, m: int) -> dict[tuple[int, int], Fraction]:
    """Ten times the smaller side's share of all weight, squared, at most 1, in both directions."""
    supports, total = support_table(ballots, m), sum(w for _, w in ballots)
    return {
        (i, j): min(Fraction(1), 10 * min(supports[i][j], supports[j][i]) / total) ** 2
        for i, j in contested_pairs(ballots, m)
    }


def pair_costs(ballots: Ballots, m: int, unit: str) -> dict[tuple[int, int], Fraction]:
    """How much each pair counts, in both directions, in one of the units of pairs."""
    if unit == "graded_pair":
        return graded_pairs(ballots, m)
    pairs = permutations(range(m), 2) if unit == "pair" else contested_pairs(ballots, m)
    return dict.fromkeys(pairs, Fraction(1))


def unanimous_pairs(ballots: Ballots, m: int) -> set[tuple[int, int]]:
    """The pairs that all ballots of positive weight rank the same way, the higher response first."""
    voters = [ranks for ranks, weight in ballots if weight > 0]
    pairs = permutations(range(m), 2)
    return {(i, j) for i, j in pairs if voters and all(puts_above(p, i, j) for p in voters)}


def allowed_orders(ballots: Ballots, m: int) -> list[tuple[int, ...]]:
    """All orders that keep the unanimous pairs, in lexicographic order."""
    unanimous = unanimous_pairs(ballots, m)
    orders = permutations(range(m))
    return [o for o in orders if all(o.index(i) < o.index(j) for i, j in unanimous)]


def support_table(ballots: Ballots, m: int) -> list[list[Fraction]]:
    return [[support(ballots, i, j) for j in range(m)] for i in range(m)]


def agreement(supports: Sequence[Sequence[Fraction]], order: Sequence[int]) -> Fraction:
    """The weight of the ballots that rank a pair as the order does, summed over the pairs."""
    return sum((supports[i][j] for i, j in combinations(order, 2)), Fraction(0))


def margin_table(ballots: Ballots, m: int) -> list[list[Fraction]]:
    supports = support_table(ballots, m)
    return [[supports[i][j] - supports[j][i] for j in range(m)] for i in range(m)]


def blocks_of(scores: Sequence[object]) -> Blocks:
    """Responses with equal scores together, the highest score first."""
    levels = sorted(set(scores), reverse=True)  # type: ignore[type-var]
    return [[i for i, s in enumerate(scores) if s == level] for level in levels]


def as_blocks(result: Sequence[Any]) -> Blocks:
    """The blocks of a definition that gives scores or the blocks themselves."""
    return list(result) if isinstance(result[0], list) else blocks_of(result)


def cut_where_all_agree(orders: Sequence[Sequence[int]]) -> Blocks:
    """Blocks, cut wherever all orders have the same responses in front."""
    ends = [
        k for k in range(len(orders[0]) + 1) if len({frozenset(order[:k]) for order in orders}) == 1
    ]
    return [sorted(orders[0][a:b]) for a, b in pairwise(ends)]


def where_all_agree(orders: Sequence[Sequence[int]]) -> Blocks:
    """By the number of responses behind in all orders minus the number before in all orders."""
    m = len(orders[0])
    before = [
        [all(order.index(i) < order.index(j) for order in orders) for j in range(m)]
        for i in range(m)
    ]
    return blocks_of([sum(before[i]) - sum(row[i] for row in before) for i in range(m)])


def borda(ballots: Ballots, m: int) -> list[Fraction]:
    """A point per ballot and response below; half a point where the ballot ties or leaves one out."""
    scores = [Fraction(0)] * m
    for ranks, weight in ballots:
        for i, j in permutations(range(m), 2):
            if puts_above(ranks, i, j):
                scores[i] += weight
            elif not puts_above(ranks, j, i):
                scores[i] += weight / 2
    return scores


def copeland(ballots: Ballots, m: int) -> list[int]:
    margins = margin_table(ballots, m)
    return [sum((x > 0) - (x < 0) for x in row) for row in margins]


def plurality(ballots: Ballots, m: int) -> list[Fraction]:
    scores = [Fraction(0)] * m
    for ranks, weight in ballots:
        first = [i for i in ranks if ranks[i] == min(ranks.values())]
        for i in first:
            scores[i] += weight / len(first)
    return scores


def schulze(ballots: Ballots, m: int) -> list[int]:
    """Lower tiers of who beats whom, over all simple paths, each as strong as its weakest margin."""
    margins = margin_table(ballots, m)

    def strongest(i: int, j: int) -> Fraction:
        between = [k for k in range(m) if k not in (i, j)]
        best = Fraction(0)
        for n in range(len(between) + 1):
            for middle in permutations(between, n):
                path = (i, *middle, j)
                best = max(best, min(margins[a][b] for a, b in pairwise(path)))
        return best

    strength = {(i, j): strongest(i, j) for i, j in permutations(range(m), 2)}
    beats = {(i, j) for i, j in strength if strength[i, j] > strength[j, i]}
    scores, remaining = [0] * m, set(range(m))
    while remaining:
        remaining -= {j for j in remaining if not any((i, j) in beats for i in remaining)}
        for i in range(m):
            scores[i] += i not in remaining
    return [score - 1 for score in scores]


def ranked_pairs(ballots: Ballots, m: int) -> list[int]:
    """The order, first to last; all pairs both ways, by (-margin, winner, loser)."""
    margins = margin_table(ballots, m)
    pairs = [(-margins[i][j], i, j) for i, j in permutations(range(m), 2) if margins[i][j] >= 0]
    locked: set[tuple[int, int]] = set()

    def leads(i: int, j: int) -> bool:
        reached, todo = {i}, [i]
        while todo:
            node = todo.pop()
            for a, b in locked:
                if a == node and b not in reached:
                    reached.add(b)
                    todo.append(b)
        return j in reached

    for _, winner, loser in sorted(pairs):
        if not leads(loser, winner):
            locked.add((winner, loser))
    return sorted(range(m), key=lambda i: sum(leads(i, j) for j in range(m)), reverse=True)


def kemeny_orders(ballots: Ballots, m: int) -> tuple[Fraction, list[tuple[int, ...]]]:
    """The least cost and all orders that have it, in lexicographic order."""
    supports = support_table(ballots, m)
    costs = {order: agreement(supports, order[::-1]) for order in permutations(range(m))}
    least = min(costs.values())
    return least, sorted(order for order, cost in costs.items() if cost == least)


def kemeny(ballots: Ballots, m: int) -> Blocks:
    return where_all_agree(kemeny_orders(ballots, m)[1])


def first_kemeny_order(ballots: Ballots, m: int) -> list[int]:
    return list(kemeny_orders(ballots, m)[1][0])


def perpetual_pav(
    prompts: Iterable[tuple[Ballots, Sequence[int], int]],
    base: Callable[[Ballots, int], list[int]] = first_kemeny_order,
) -> tuple[list[list[int]], dict[int, Fraction]]:
    """The orders and everybody's satisfaction; a prompt is ballots, their annotators, and a size."""
    satisfaction: dict[int, Fraction] = {}
    orders = []
    for ballots, annotators, m in prompts:
        weighed = [
            (ranks, weight / (1 + satisfaction.get(who, Fraction(0))))
            for (ranks, weight), who in zip(ballots, annotators, strict=True)
        ]
        order = base(weighed, m)
        orders.append(order)
        contested = contested_pairs(ballots, m) & set(combinations(order, 2))
        for (ranks, _), who in zip(ballots, annotators, strict=True):
            if contested:
                agreed = sum(puts_above(ranks, i, j) for i, j in contested)
                gain = Fraction(agreed, len(contested)) / list(annotators).count(who)
                satisfaction[who] = satisfaction.get(who, Fraction(0)) + gain
    return orders, satisfaction
