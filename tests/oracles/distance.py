"""Slow textbook definitions of the rules that look for an order near to the ballots."""

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, permutations

from tests.oracles.textbook import Ballots, Blocks, margin_table, where_all_agree

Order = tuple[int, ...]


def cheapest(cost: Callable[[Order], Fraction], m: int) -> list[Order]:
    """All orders of least cost, in lexicographic order."""
    costs = {order: cost(order) for order in permutations(range(m))}
    return sorted(order for order in costs if costs[order] == min(costs.values()))


def slater_orders(ballots: Ballots, m: int) -> list[Order]:
    """The orders with fewest pairs ranked against a majority."""
    margins = margin_table(ballots, m)
    return cheapest(
        lambda order: Fraction(sum(margins[j][i] > 0 for i, j in combinations(order, 2))), m
    )


def slater(ballots: Ballots, m: int) -> Blocks:
    return where_all_agree(slater_orders(ballots, m))


def squared_kemeny_orders(ballots: Ballots, m: int) -> list[Order]:
    """The orders with the least sum of weights times squared numbers of swapped pairs."""

    def cost(order: Order) -> Fraction:
        total = Fraction(0)
        for ranks, weight in ballots:
            pairs = [(i, j) for i, j in combinations(order, 2) if i in ranks and j in ranks]
            total += weight * sum(ranks[i] > ranks[j] for i, j in pairs) ** 2
        return total

    return cheapest(cost, m)


def squared_kemeny(ballots: Ballots, m: int) -> Blocks:
    return where_all_agree(squared_kemeny_orders(ballots, m))


def proportional_sequential_borda(ballots: Ballots, m: int, lexicographic: bool = False) -> Blocks:
    """The budget is the share of the weight times the pairs; a bid is the budget times the points."""
    total = sum((weight for _, weight in ballots), Fraction(0)) or Fraction(1)
    budget = [weight / total * (m * (m - 1) // 2) for _, weight in ballots]
    remaining, blocks = list(range(m)), []
    while remaining:
        points = [
            {x: sum(x in p and y in p and p[x] < p[y] for y in remaining) for x in remaining}
            for p, _ in ballots
        ]
        offer = [
            {x: max(b, Fraction(0)) * n for x, n in own_points.items()}
            for b, own_points in zip(budget, points, strict=True)
        ]
        score = {x: sum((bids[x] for bids in offer), Fraction(0)) for x in remaining}
        block = [x for x in remaining if score[x] == max(score.values())]
        block = block[:1] if lexicographic else block
        outside = [y for y in remaining if y not in block]
        price = len(block) * len(outside) + len(list(combinations(block, 2)))
        offers = [sum((bids[x] for x in block), Fraction(0)) for bids in offer]
        if sum(offers) > 0:
            budget = [b - price * o / sum(offers) for b, o in zip(budget, offers, strict=True)]
        blocks.append(block)
        remaining = outside
    return blocks
