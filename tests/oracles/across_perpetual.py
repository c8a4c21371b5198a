"""Textbook definitions of the perpetual rules: whole datasets in exact fractions, all orders compared.

A prompt is its ballots, the annotator of each, and the number of responses.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from math import lcm, prod
from operator import mul
from types import MappingProxyType
from typing import Any

from tests.oracles.textbook import (
    Ballot,
    Ballots,
    Blocks,
    agreement,
    allowed_orders,
    borda,
    first_kemeny_order,
    pair_costs,
    puts_above,
    support,
    support_table,
    unanimous_pairs,
)

Prompt = tuple[Sequence[Ballot], Sequence[int], int]
Orders = list[list[int]]
Decided = Mapping[int, list[int]]
"""The orders of prompts that are frozen, by number."""
Base = Callable[[Ballots, int], list[int]]
Ranks = dict[int, int]


# -- satisfaction --------------------------------------------------------------------------------


def approves(ranks: Ranks, i: int) -> bool:
    """Whether response i is ranked first, or has fewer ranked responses above than below."""
    if i not in ranks:
        return False
    above = sum(rank < ranks[i] for rank in ranks.values())
    below = sum(rank > ranks[i] for rank in ranks.values())
    return above == 0 or above < below


def winner_satisfaction(unit: str, ranks: Ranks, i: int, m: int) -> Fraction:
    """The satisfaction with response i in first place."""
    if unit == "approval":
        return Fraction(approves(ranks, i))
    if i not in ranks:
        return Fraction(0)
    rank = 1 + sum(rank < ranks[i] for rank in ranks.values())
    return Fraction(m - rank, m - 1)


@dataclass(frozen=True)
class Round:
    """One prompt, and how satisfaction counts on it."""

    ballots: Sequence[Ballot]
    annotators: Sequence[int]
    m: int
    unit: str

    @cached_property
    def ballots_of(self) -> dict[int, list[Ballot]]:
        """The ballots of each annotator."""
        ballots: dict[int, list[Ballot]] = {who: [] for who in self.annotators}
        for ballot, who in zip(self.ballots, self.annotators, strict=True):
            ballots[who].append(ballot)
        return ballots

    @cached_property
    def weight(self) -> dict[int, Fraction]:
        weights = dict.fromkeys(self.annotators, Fraction(0))
        for (_, weight), who in zip(self.ballots, self.annotators, strict=True):
            weights[who] += weight
        return weights

    @cached_property
    def counted(self) -> dict[tuple[int, int], Fraction]:
        """What each pair counts, in both directions."""
        return pair_costs(self.ballots, self.m, self.unit)

    @cached_property
    def stake(self) -> Fraction:
        graded = self.counted.values() if self.unit == "graded_pair" else ()
        return max(graded, default=Fraction(1))

    @cached_property
    def divisor(self) -> Fraction:
        return sum(self.counted.values(), Fraction(0)) / 2 / self.stake or Fraction(1)

    @cached_property
    def changes_nothing(self) -> bool:
        return self.unit in ("contested_pair", "graded_pair") and not self.counted

    def ballot_satisfaction(self, ranks: Ranks, order: Sequence[int]) -> Fraction:
        if self.unit in ("winner", "approval"):
            return winner_satisfaction(self.unit, ranks, order[0], self.m)
        agreed = sum(
            self.counted[i, j] * puts_above(ranks, i, j)
            for i, j in combinations(order, 2)
            if (i, j) in self.counted
        )
        return Fraction(agreed) / self.divisor if self.counted else Fraction(0)

    def satisfaction(self, order: Sequence[int]) -> dict[int, Fraction]:
        return {
            who: mean(ballots, [self.ballot_satisfaction(ranks, order) for ranks, _ in ballots])
            for who, ballots in self.ballots_of.items()
        }

    def mean_winner_satisfaction(self, i: int) -> Fraction:
        """By weight."""
        total = sum((w for _, w in self.ballots), Fraction(0)) or Fraction(1)
        values = (w * winner_satisfaction(self.unit, p, i, self.m) for p, w in self.ballots)
        return sum(values, Fraction(0)) / total

    def ballot_entitlement(self, ranks: Ranks) -> Fraction:
        if self.unit in ("winner", "approval"):
            return max(
                winner_satisfaction(self.unit, ranks, i, self.m) * self.mean_winner_satisfaction(i)
                for i in range(self.m)
            )
        total = Fraction(0)
        for i, j in self.counted:
            same, opposite = support(self.ballots, i, j), support(self.ballots, j, i)
            if puts_above(ranks, i, j) and same > 0:
                total += self.counted[i, j] * same / (same + opposite)
        return total / self.divisor if self.counted else Fraction(0)

    def entitlement(self) -> dict[int, Fraction]:
        return {
            who: mean(ballots, [self.ballot_entitlement(ranks) for ranks, _ in ballots])
            for who, ballots in self.ballots_of.items()
        }


def mean(ballots: Sequence[Ballot], values: Sequence[Fraction]) -> Fraction:
    """By the ballots' weights, if any has one."""
    weights = [weight for _, weight in ballots]
    if not any(weights):
        weights = [Fraction(1)] * len(values)
    return sum(map(mul, weights, values), Fraction(0)) / sum(weights)


# -- rules that weigh ballots ----------------------------------------------------------------------


def first_borda_order(ballots: Ballots, m: int) -> list[int]:
    scores = borda(ballots, m)
    return sorted(range(m), key=lambda i: -scores[i])


def first_approval_order(ballots: Ballots, m: int) -> list[int]:
    scores = [sum(w for ranks, w in ballots if approves(ranks, i)) for i in range(m)]
    return sorted(range(m), key=lambda i: -scores[i])


def weighing(
    rule: str,
    prompts: Sequence[Prompt],
    unit: str = "graded_pair",
    base: Base = first_kemeny_order,
    decided: Decided = MappingProxyType({}),
) -> Orders:
    begin = Fraction(0 if rule in ("pav", "quota") else 1)
    states: dict[int, Fraction] = {}
    orders = []
    for t, prompt in enumerate(prompts):
        round_ = Round(*prompt, unit)
        state = {who: states.get(who, begin) for who in round_.annotators}
        entitlement = round_.entitlement()
        if rule == "pav":
            factor = {who: 1 / (1 + s) for who, s in state.items()}
        elif rule == "quota":
            factor = {who: max(s + entitlement[who], Fraction(0)) for who, s in state.items()}
        else:
            factor = {who: max(s, Fraction(0)) for who, s in state.items()}
        weighed = [
            (ranks, weight * factor[who])
            for (ranks, weight), who in zip(round_.ballots, round_.annotators, strict=True)
        ]
        voting = weighed if any(weight for _, weight in weighed) else round_.ballots
        order = decided.get(t) or base(voting, round_.m)
        orders.append(order)
        if not round_.changes_nothing:
            states |= updated(rule, round_, state, round_.satisfaction(order), entitlement)
    return orders


def updated(
    rule: str,
    round_: Round,
    state: dict[int, Fraction],
    satisfaction: dict[int, Fraction],
    entitlement: dict[int, Fraction],
) -> dict[int, Fraction]:
    """Everybody's state after a prompt."""
    stake = round_.stake
    if rule == "pav":
        return {who: s + satisfaction[who] for who, s in state.items()}
    if rule == "unit_cost":
        return {who: s + stake - satisfaction[who] for who, s in state.items()}
    if rule == "reset":
        return {who: s * (1 - satisfaction[who]) + stake for who, s in state.items()}
    if rule == "quota":
        return {who: s + entitlement[who] - satisfaction[who] for who, s in state.items()}
    paid = sum(round_.weight[who] * satisfaction[who] for who, s in state.items() if s > 0)
    price = stake * sum(round_.weight.values()) / paid if paid else Fraction(0)
    return {
        who: s + stake - (price * satisfaction[who] if s > 0 else 0) for who, s in state.items()
    }


# -- rules that choose among orders ----------------------------------------------------------------


def nash_key(after: dict[int, Fraction], weight: dict[int, Fraction]) -> tuple[Fraction, Fraction]:
    positive = {who: s for who, s in after.items() if s > 0 and weight[who] > 0}
    unit = lcm(*(w.denominator for w in weight.values()))
    product = prod((s ** int(weight[who] * unit) for who, s in positive.items()), start=Fraction(1))
    return sum((weight[who] for who in positive), Fraction(0)), product


def equality_key(after: dict[int, Fraction], weight: dict[int, Fraction]) -> list[Fraction]:
    """Everybody's level as often as the weight says, in multiples of its parts, lowest first."""
    unit = lcm(*(w.denominator for w in weight.values()))
    return sorted(level for who, level in after.items() for _ in range(int(weight[who] * unit)))


def level(
    load: dict[int, Fraction], satisfaction: dict[int, Fraction], weight: dict[int, Fraction],
    stake: Fraction,
) -> Fraction | None:  # fmt: skip
    """The load at which supporters carry the prompt; those with more drop out."""
    supporters = [who for who in load if satisfaction[who] > 0 and weight[who] > 0]
    while supporters:
        carriers = {i: weight[i] * satisfaction[i] for i in supporters}
        cost = stake * sum(weight.values(), Fraction(0))
        carried = cost + sum(carriers[i] * load[i] for i in supporters)
        new_load = carried / sum(carriers.values(), Fraction(0))
        if all(load[i] <= new_load for i in supporters):
            return new_load
        supporters = [i for i in supporters if load[i] <= new_load]
    return None


def key(rule: str, round_: Round, state: dict[int, Fraction], order: Sequence[int]) -> Any:
    """What is largest for the best order."""
    satisfaction = round_.satisfaction(order)
    after = {who: state[who] + satisfaction[who] for who in satisfaction}
    if rule == "nash":
        return nash_key(after, round_.weight)
    if rule == "equality":
        return equality_key(after, round_.weight)
    load = level(state, satisfaction, round_.weight, round_.stake)
    return (load is not None, -(load or 0))


def best_order(rule: str, round_: Round, state: dict[int, Fraction]) -> list[int]:
    if round_.unit not in ("winner", "approval"):
        allowed = allowed_orders(round_.ballots, round_.m)
        supports = support_table(round_.ballots, round_.m)
        keys = [(key(rule, round_, state, o), agreement(supports, o)) for o in allowed]
        return list(allowed[keys.index(max(keys))])
    unanimous = unanimous_pairs(round_.ballots, round_.m)
    keys = [key(rule, round_, state, [i]) for i in range(round_.m)]
    order: list[int] = []
    while len(order) < round_.m:
        unplaced = [i for i in range(round_.m) if i not in order]
        free = [i for i in unplaced if not any((j, i) in unanimous for j in unplaced)]
        order.append(max(free, key=keys.__getitem__))
    return order


def choosing(
    rule: str,
    prompts: Sequence[Prompt],
    unit: str = "graded_pair",
    decided: Decided = MappingProxyType({}),
) -> Orders:
    states: dict[int, Fraction] = {}
    orders = []
    for t, prompt in enumerate(prompts):
        round_ = Round(*prompt, unit)
        state = {who: states.get(who, Fraction(0)) for who in round_.annotators}
        order = decided.get(t) or best_order(rule, round_, state)
        orders.append(order)
        if round_.changes_nothing:
            continue
        satisfaction = round_.satisfaction(order)
        if rule != "phragmen":
            states |= {who: s + satisfaction[who] for who, s in state.items()}
        elif (load := level(state, satisfaction, round_.weight, round_.stake)) is not None:
            states |= {
                who: s + satisfaction[who] * max(load - s, Fraction(0)) for who, s in state.items()
            }
    return orders


# -- one prompt, everybody for the first time ------------------------------------------------------


def alone(
    definition: Callable[[str, Sequence[Prompt]], Orders], rule: str
) -> Callable[[Ballots, int], Blocks]:
    def one_prompt(ballots: Ballots, m: int) -> Blocks:
        return [[i] for i in definition(rule, [(ballots, range(len(ballots)), m)])[0]]

    return one_prompt


perpetual_unit_cost = alone(weighing, "unit_cost")
perpetual_reset = alone(weighing, "reset")
perpetual_consensus = alone(weighing, "consensus")
perpetual_quota = alone(weighing, "quota")
perpetual_nash = alone(choosing, "nash")
perpetual_equality = alone(choosing, "equality")
perpetual_phragmen = alone(choosing, "phragmen")
