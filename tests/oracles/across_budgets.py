"""Textbook definitions of the rules that carry budgets across prompts, in exact fractions.

Each is written for a whole dataset: a prompt is its ballots, their annotators, and a number of responses.
The functions named after a rule rank a single prompt of ballots by different annotators.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, permutations
from types import MappingProxyType

from tests.oracles.probabilistic import random_dictator
from tests.oracles.textbook import (
    Ballots,
    Blocks,
    agreement,
    first_kemeny_order,
    pair_costs,
    puts_above,
    support,
    support_table,
)

Prompt = tuple[Ballots, Sequence[int], int]
Budgets = dict[int, Fraction]
Outcome = tuple[list[list[int]], Budgets]
Pair = tuple[int, int]
Decided = Mapping[int, list[int]]
"""The orders of prompts that are frozen, by number."""
NONE: Decided = MappingProxyType({})


def shares_of(ballots: Ballots) -> list[Fraction]:
    total = sum((weight for _, weight in ballots), Fraction(0))
    return [weight / total if total else Fraction(0) for _, weight in ballots]


def above(ballots: Ballots, k: int, i: int, j: int) -> bool:
    return puts_above(ballots[k][0], i, j)


def split(budgets: Budgets, annotators: Sequence[int], shares: list[Fraction]) -> list[Fraction]:
    """Each ballot's part of its annotator's budget."""
    totals: Budgets = {}
    for who, share in zip(annotators, shares, strict=True):
        totals[who] = totals.get(who, Fraction(0)) + share
    return [
        budgets.get(who, Fraction(0)) * share / totals[who] if share else Fraction(0)
        for who, share in zip(annotators, shares, strict=True)
    ]


def collect(
    budgets: Budgets, annotators: Sequence[int], shares: list[Fraction], money: list[Fraction]
) -> None:
    for who in {who for who, share in zip(annotators, shares, strict=True) if share}:
        budgets[who] = sum(
            (b for b, w, s in zip(money, annotators, shares, strict=True) if w == who and s),
            Fraction(0),
        )


def carry_over(
    prompts: Iterable[Prompt], unit: str = "graded_pair", decided: Decided = NONE
) -> Outcome:
    """The pseudocode: fill ranks from the top; those who rank the chosen response high pay for it."""
    budgets: Budgets = {}
    orders = []
    for t, (ballots, annotators, m) in enumerate(prompts):
        shares = shares_of(ballots)
        contested_only = unit != "pair"
        counted = pair_costs(ballots, m, unit)
        money = split(budgets, annotators, shares)
        income = sum(counted.values(), Fraction(0)) / 2
        money = [b + share * income for b, share in zip(money, shares, strict=True)]
        voters = [k for k in range(len(ballots)) if shares[k]]
        unplaced = list(range(m))
        order: list[int] = []
        while unplaced:
            candidates = unplaced
            if contested_only:
                beaten = {
                    (x, y)
                    for x, y in permutations(unplaced, 2)
                    if support(ballots, y, x) and not support(ballots, x, y)
                }
                candidates = [x for x in unplaced if not any((x, y) in beaten for y in unplaced)]
                if not candidates:
                    by_all = {
                        (x, y) for x, y in beaten if all(above(ballots, k, y, x) for k in voters)
                    }
                    candidates = [
                        x for x in unplaced if not any((x, y) in by_all for y in unplaced)
                    ]
            if t in decided:
                candidates = [decided[t][len(order)]]
            cost = {
                x: sum((counted.get((x, y), Fraction(0)) for y in unplaced), Fraction(0))
                for x in unplaced
            }
            wins = {
                x: [
                    sum(
                        (
                            counted.get((x, y), Fraction(0)) * above(ballots, k, x, y)
                            for y in unplaced
                        ),
                        Fraction(0),
                    )
                    for k in range(len(ballots))
                ]
                for x in unplaced
            }

            def paying(
                x: int, means: list[Fraction], wins: dict[int, list[Fraction]] = wins
            ) -> list[Fraction]:
                return [max(b, Fraction(0)) * s for b, s in zip(means, wins[x], strict=True)]

            free = [x for x in candidates if cost[x] == 0]
            if free:
                chosen = free[0]
            else:
                means = money
                if not any(sum(paying(x, money)) for x in candidates):
                    means = shares
                bids = [sum(paying(x, means)) / cost[x] for x in candidates]
                chosen = candidates[bids.index(max(bids))]
                if any(shares):
                    paid = paying(chosen, means)
                    if not any(paid):
                        paid = list(shares)
                    money = [
                        b - cost[chosen] * pay / sum(paid)
                        for b, pay in zip(money, paid, strict=True)
                    ]
            order.append(chosen)
            unplaced = [x for x in unplaced if x != chosen]
        orders.append(order)
        collect(budgets, annotators, shares, money)
    return orders, budgets


def credit_accounting(
    prompts: Iterable[Prompt],
    base: Callable[[Ballots, int], list[int]] = first_kemeny_order,
    decided: Decided = NONE,
    unit: str = "graded_pair",
) -> Outcome:
    """Everybody earns a share of each contested pair; those who agree with its outcome pay, by weight."""
    balances: Budgets = {}
    orders = []
    for t, (ballots, annotators, m) in enumerate(prompts):
        shares = shares_of(ballots)
        money = split(balances, annotators, shares)
        contested = pair_costs(ballots, m, unit)
        income = sum(contested.values(), Fraction(0)) / 2
        money = [b + share * income for b, share in zip(money, shares, strict=True)]
        weights = [max(b, Fraction(0)) for b in money]
        if not any(weights):
            weights = shares
        voting = [(ranks, w) for (ranks, _), w in zip(ballots, weights, strict=True)]
        order = decided.get(t) or base(voting, m)
        for i, j in set(combinations(order, 2)) & set(contested):
            paying = [share * above(ballots, k, i, j) for k, share in enumerate(shares)]
            cost = contested[i, j]
            money = [b - cost * pay / sum(paying) for b, pay in zip(money, paying, strict=True)]
        orders.append(order)
        collect(balances, annotators, shares, money)
    return orders, balances


def closed(before: set[Pair]) -> set[Pair]:
    """All that follows from pairs."""
    while True:
        more = {(a, d) for a, b in before for c, d in before if b == c} - before
        if not more:
            return before
        before = before | more


def pair_buying(
    prompts: Iterable[Prompt], by_load: bool, decided: Decided = NONE, unit: str = "graded_pair"
) -> Outcome:
    """Equal shares (or Phragmén's rule, by load) with contested pairs as the candidates."""
    carried: Budgets = {}
    orders = []
    for t, (ballots, annotators, m) in enumerate(prompts):
        shares = shares_of(ballots)
        costs = pair_costs(ballots, m, unit)
        contested = set(costs)
        voters = [k for k in range(len(ballots)) if shares[k]]
        before: set[Pair] = set()
        uncontested = [
            (i, j)
            for i, j in permutations(range(m), 2)
            if support(ballots, i, j) and not support(ballots, j, i)
        ]
        by_all = [(i, j) for i, j in uncontested if all(above(ballots, k, i, j) for k in voters)]
        for i, j in by_all + uncontested:
            if (j, i) not in before:
                before = closed(before | {(i, j)})
        may_be = set(combinations(decided.get(t, []), 2)) or set(permutations(range(m), 2))
        before &= may_be
        n = sum(costs.values(), Fraction(0)) / 2
        if by_load:
            wallet = [carried.get(who, Fraction(0)) - n for who in annotators]
        else:
            money = split(carried, annotators, shares)
            wallet = [b + share * n for b, share in zip(money, shares, strict=True)]

        def price(
            pair: Pair, wallet: list[Fraction], ballots: Ballots = ballots,
            shares: list[Fraction] = shares, voters: list[int] = voters,
            costs: dict[Pair, Fraction] = costs,
        ) -> Fraction | None:  # fmt: skip
            """The least level at which the supporters pay the cost, found by adding one after the other."""
            cost = costs[pair]
            who = [k for k in voters if above(ballots, k, *pair)]
            if by_load:
                who.sort(key=lambda k: wallet[k])
                levels = [
                    (cost + sum((shares[k] * wallet[k] for k in who[:n]), Fraction(0)))
                    / sum((shares[k] for k in who[:n]), Fraction(0))
                    for n in range(1, len(who) + 1)
                ]
                return min(levels)
            if sum(max(wallet[k], Fraction(0)) for k in who) < cost:
                return None
            who.sort(key=lambda k: wallet[k] / shares[k])
            for n, k in enumerate(who):
                rest = sum(shares[k] for k in who[n:])
                level: Fraction = (
                    cost - sum((max(wallet[k], Fraction(0)) for k in who[:n]), Fraction(0))
                ) / (rest * cost)
                if level * cost * shares[k] <= wallet[k]:
                    return level
            raise AssertionError("the supporters can pay")

        def charge(
            pair: Pair, level: Fraction | None, wallet: list[Fraction], ballots: Ballots = ballots,
            shares: list[Fraction] = shares, voters: list[int] = voters,
            costs: dict[Pair, Fraction] = costs,
        ) -> list[Fraction]:  # fmt: skip
            cost = costs[pair]
            after = list(wallet)
            who = [k for k in voters if above(ballots, k, *pair)]
            for k in who:
                if by_load:
                    assert level is not None
                    after[k] = max(after[k], level)
                elif level is None:
                    after[k] = min(after[k], Fraction(0))
                elif after[k] > 0:
                    after[k] -= min(after[k], shares[k] * level * cost)
            if not by_load:
                missing = cost - sum(wallet[k] - after[k] for k in who)
                for k in who:
                    after[k] -= missing * shares[k] / sum(shares[k] for k in who)
            return after

        while True:
            open_pairs = [
                (i, j)
                for i, j in sorted(contested)
                if (i, j) not in before and (j, i) not in before and (i, j) in may_be
            ]
            prices = [(price(pair, wallet), pair) for pair in open_pairs]
            affordable = [(level, pair) for level, pair in prices if level is not None]
            if not affordable:
                break
            level, pair = min(affordable)
            grown = closed(before | {pair})
            wallet = charge(pair, level, wallet)
            for implied in sorted((grown - before - {pair}) & contested):
                wallet = charge(implied, price(implied, wallet), wallet)
            before = grown
        orders.append(decided.get(t) or extended(ballots, m, before))
        for pair in sorted(set(combinations(orders[-1], 2)) & contested - before):
            wallet = charge(pair, price(pair, wallet), wallet)
        if by_load:
            for who in {annotators[k] for k in voters}:
                cast = [k for k in voters if annotators[k] == who]
                weight = sum(shares[k] for k in cast)
                carried[who] = Fraction(sum(shares[k] * wallet[k] for k in cast)) / weight
        else:
            collect(carried, annotators, shares, wallet)
    return orders, carried


def extended(ballots: Ballots, m: int, before: set[Pair]) -> list[int]:
    """The first of the orders that keep ``before`` and disagree least with the ballots."""
    supports = support_table(ballots, m)
    candidates = [
        order
        for order in permutations(range(m))
        if not any((j, i) in before for i, j in combinations(order, 2))
    ]
    first = min(candidates, key=lambda order: (agreement(supports, order[::-1]), order))
    return list(first)


def single(ballots: Ballots, m: int) -> list[Prompt]:
    return [(ballots, range(len(ballots)), m)]


def cpb(ballots: Ballots, m: int) -> Blocks:
    return [[i] for i in carry_over(single(ballots, m))[0][0]]


def carry_psb(ballots: Ballots, m: int) -> Blocks:
    return [[i] for i in carry_over(single(ballots, m), "pair")[0][0]]


def phragmen_credit(ballots: Ballots, m: int) -> Blocks:
    return [[i] for i in credit_accounting(single(ballots, m))[0][0]]


def equal_shares_pairs(ballots: Ballots, m: int) -> Blocks:
    return [[i] for i in pair_buying(single(ballots, m), False)[0][0]]


def phragmen_pairs(ballots: Ballots, m: int) -> Blocks:
    return [[i] for i in pair_buying(single(ballots, m), True)[0][0]]


def apportioned_dictator(ballots: Ballots, m: int) -> Blocks:
    """On one prompt no entitlement is above 1: a ballot is drawn."""
    return random_dictator(ballots, m)
