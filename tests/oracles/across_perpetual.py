"""Textbook definitions of the perpetual rules: whole datasets in exact fractions, all orders compared.

A prompt is its ballots, the annotator of each, and the number of responses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations, permutations
from math import lcm, prod
from typing import Any

from tests.oracles.textbook import Ballot, Ballots, Blocks, borda, first_kemeny_order, support

Prompt = tuple[Sequence[Ballot], Sequence[int], int]
Orders = list[list[int]]
Base = Callable[[Ballots, int], list[int]]
Places = dict[int, int]


# -- what satisfies --------------------------------------------------------------------------------


def approves(places: Places, i: int) -> bool:
    """In the first place, or fewer ranked responses above than below."""
    if i not in places:
        return False
    above = sum(place < places[i] for place in places.values())
    below = sum(place > places[i] for place in places.values())
    return above == 0 or above < below


def worth(unit: str, places: Places, i: int, m: int) -> Fraction:
    """Of a response in first place."""
    if unit == "approval":
        return Fraction(approves(places, i))
    if i not in places:
        return Fraction(0)
    rank = 1 + sum(place < places[i] for place in places.values())
    return Fraction(m - rank, m - 1)


def pairs_that_count(unit: str, ballots: Ballots, m: int) -> list[tuple[int, int]]:
    pairs = list(combinations(range(m), 2))
    if unit == "pair":
        return pairs
    return [(i, j) for i, j in pairs if support(ballots, i, j) > 0 and support(ballots, j, i) > 0]


def puts_above(places: Places, i: int, j: int) -> bool:
    return i in places and j in places and places[i] < places[j]


@dataclass(frozen=True)
class Round:
    """One prompt, and what satisfies on it."""

    ballots: Sequence[Ballot]
    annotators: Sequence[int]
    m: int
    unit: str

    @cached_property
    def own(self) -> dict[int, list[Places]]:
        """The ballots of each annotator."""
        found: dict[int, list[Places]] = {who: [] for who in self.annotators}
        for (places, _), who in zip(self.ballots, self.annotators, strict=True):
            found[who].append(places)
        return found

    @cached_property
    def weight(self) -> dict[int, Fraction]:
        found = dict.fromkeys(self.own, Fraction(0))
        for (_, weight), who in zip(self.ballots, self.annotators, strict=True):
            found[who] += weight
        return found

    @cached_property
    def counted(self) -> list[tuple[int, int]]:
        return pairs_that_count(self.unit, self.ballots, self.m)

    @cached_property
    def changes_nothing(self) -> bool:
        return self.unit == "contested_pair" and not self.counted

    def satisfaction(self, places: Places, order: Sequence[int]) -> Fraction:
        if self.unit in ("winner", "approval"):
            return worth(self.unit, places, order[0], self.m)
        place = {i: n for n, i in enumerate(order)}
        agreed = sum(
            puts_above(places, i, j) if place[i] < place[j] else puts_above(places, j, i)
            for i, j in self.counted
        )
        return Fraction(agreed, max(len(self.counted), 1))

    def got(self, order: Sequence[int]) -> dict[int, Fraction]:
        return {
            who: mean([self.satisfaction(places, order) for places in own])
            for who, own in self.own.items()
        }

    def support(self, places: Places) -> Fraction:
        """What an annotator with this ballot deserves."""
        if self.unit in ("winner", "approval"):
            total = sum((w for _, w in self.ballots), Fraction(0)) or Fraction(1)
            return max(
                worth(self.unit, places, i, self.m)
                * sum((w * worth(self.unit, p, i, self.m) for p, w in self.ballots), Fraction(0))
                / total
                for i in range(self.m)
            )
        found = Fraction(0)
        for i, j in [*self.counted, *((j, i) for i, j in self.counted)]:
            own, other = support(self.ballots, i, j), support(self.ballots, j, i)
            if puts_above(places, i, j) and own > 0:
                found += own / (own + other)
        return found / max(len(self.counted), 1)

    def due(self) -> dict[int, Fraction]:
        return {who: mean([self.support(p) for p in own]) for who, own in self.own.items()}


def mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


# -- rules that weigh ballots ----------------------------------------------------------------------


def first_borda_order(ballots: Ballots, m: int) -> list[int]:
    scores = borda(ballots, m)
    return sorted(range(m), key=lambda i: -scores[i])


def first_approval_order(ballots: Ballots, m: int) -> list[int]:
    scores = [sum(w for places, w in ballots if approves(places, i)) for i in range(m)]
    return sorted(range(m), key=lambda i: -scores[i])


def weighing(
    rule: str,
    prompts: Sequence[Prompt],
    unit: str = "contested_pair",
    base: Base = first_kemeny_order,
) -> Orders:
    begin = Fraction(0 if rule in ("pav", "quota") else 1)
    states: dict[int, Fraction] = {}
    orders = []
    for prompt in prompts:
        here = Round(*prompt, unit)
        state = {who: states.get(who, begin) for who in here.own}
        due = here.due()
        if rule == "pav":
            say = {who: 1 / (1 + s) for who, s in state.items()}
        elif rule == "quota":
            say = {who: max(s + due[who], Fraction(0)) for who, s in state.items()}
        else:
            say = {who: max(s, Fraction(0)) for who, s in state.items()}
        heard = [
            (places, weight * say[who])
            for (places, weight), who in zip(here.ballots, here.annotators, strict=True)
        ]
        order = base(heard if any(weight for _, weight in heard) else here.ballots, here.m)
        orders.append(order)
        if not here.changes_nothing:
            states |= later(rule, here, state, here.got(order), due)
    return orders


def later(
    rule: str,
    here: Round,
    state: dict[int, Fraction],
    got: dict[int, Fraction],
    due: dict[int, Fraction],
) -> dict[int, Fraction]:
    """Everybody's state after a prompt."""
    if rule == "pav":
        return {who: s + got[who] for who, s in state.items()}
    if rule == "unit_cost":
        return {who: s + 1 - got[who] for who, s in state.items()}
    if rule == "reset":
        return {who: s * (1 - got[who]) + 1 for who, s in state.items()}
    if rule == "quota":
        return {who: s + due[who] - got[who] for who, s in state.items()}
    bought = sum(here.weight[who] * got[who] for who, s in state.items() if s > 0)
    cost = sum(here.weight.values()) / bought if bought else Fraction(0)
    return {who: s + 1 - (cost * got[who] if s > 0 else 0) for who, s in state.items()}


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
    load: dict[int, Fraction], got: dict[int, Fraction], weight: dict[int, Fraction]
) -> Fraction | None:
    """The load at which supporters carry the prompt; those with more drop out."""
    supporters = [who for who in load if got[who] > 0 and weight[who] > 0]
    while supporters:
        carriers = {i: weight[i] * got[i] for i in supporters}
        cost = sum(weight.values(), Fraction(0))
        found = (cost + sum(carriers[i] * load[i] for i in supporters)) / sum(
            carriers.values(), Fraction(0)
        )
        if all(load[i] <= found for i in supporters):
            return found
        supporters = [i for i in supporters if load[i] <= found]
    return None


def key(rule: str, here: Round, state: dict[int, Fraction], order: Sequence[int]) -> Any:
    """What the best order has the most of."""
    got = here.got(order)
    after = {who: state[who] + got[who] for who in got}
    if rule == "nash":
        return nash_key(after, here.weight)
    if rule == "equality":
        return equality_key(after, here.weight)
    found = level(state, got, here.weight)
    return (found is not None, -(found or 0))


def forced_pairs(here: Round) -> set[tuple[int, int]]:
    """What all ballots of positive weight rank alike."""
    voters = [places for places, weight in here.ballots if weight > 0]
    return {
        (i, j)
        for i, j in permutations(range(here.m), 2)
        if voters and all(puts_above(places, i, j) for places in voters)
    }


def best_order(rule: str, here: Round, state: dict[int, Fraction]) -> list[int]:
    forced = forced_pairs(here)
    if here.unit not in ("winner", "approval"):
        allowed = [
            order
            for order in permutations(range(here.m))
            if all(order.index(i) < order.index(j) for i, j in forced)
        ]
        keys = [(key(rule, here, state, o), agreement(here.ballots, o)) for o in allowed]
        return list(allowed[keys.index(max(keys))])
    keys = [key(rule, here, state, [i]) for i in range(here.m)]
    order: list[int] = []
    while len(order) < here.m:
        left = [i for i in range(here.m) if i not in order]
        free = [i for i in left if not any((j, i) in forced for j in left)]
        order.append(max(free, key=keys.__getitem__))
    return order


def choosing(rule: str, prompts: Sequence[Prompt], unit: str = "contested_pair") -> Orders:
    states: dict[int, Fraction] = {}
    orders = []
    for prompt in prompts:
        here = Round(*prompt, unit)
        state = {who: states.get(who, Fraction(0)) for who in here.own}
        order = best_order(rule, here, state)
        orders.append(order)
        if here.changes_nothing:
            continue
        got = here.got(order)
        if rule != "phragmen":
            states |= {who: s + got[who] for who, s in state.items()}
        elif (found := level(state, got, here.weight)) is not None:
            states |= {who: s + got[who] * max(found - s, Fraction(0)) for who, s in state.items()}
    return orders


def agreement(ballots: Ballots, order: Sequence[int]) -> Fraction:
    return sum((support(ballots, i, j) for i, j in combinations(order, 2)), Fraction(0))


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
