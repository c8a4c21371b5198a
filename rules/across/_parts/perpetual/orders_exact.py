"""The perpetual rules that choose among orders, in exact fractions: plain Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations, permutations
from math import gcd, lcm, prod

import numpy as np

from rlchf.rules.across._parts.layout import Ballots, Layout
from rlchf.rules.across._parts.orders import MOST_FOR_ORDERS
from rlchf.rules.across._parts.perpetual.aims import NASH, PHRAGMEN
from rlchf.rules.across._parts.perpetual.exact import (
    ExactCounted,
    exact_counted,
    exact_votes,
    mean_by_annotator,
    parts_by_annotator,
    prompt_ballots,
    votes_above,
    winner_satisfactions,
)
from rlchf.rules.across._parts.perpetual.satisfaction import (
    APPROVAL,
    WINNER,
    rows_of,
)

MOST_VOTES = 10_000
"""A product of more satisfactions than this has too many digits."""

ByAnnotator = dict[int, Fraction]
"""One number for each annotator present."""
Key = tuple[Fraction | int, ...]
"""The best order has the largest key."""


@dataclass(frozen=True)
class Aim:
    """The aim on one prompt, for annotators with ``state`` and ``weight``, where ``stake`` is at stake."""

    code: int
    state: ByAnnotator
    weight: ByAnnotator
    stake: Fraction

    def key(self, satisfaction: ByAnnotator) -> Key:
        """The key of these satisfactions: the larger, the better they serve the aim."""
        if self.code == PHRAGMEN:
            load = self.load(satisfaction)
            return (0,) if load is None else (1, -load)
        levels = sorted((s + satisfaction[a], self.weight[a]) for a, s in self.state.items())
        levels = [(level, w) for level, w in levels if w > 0]
        if self.code == NASH:
            levels = [(level, w) for level, w in levels if level > 0]
            powers = (level ** int(w) for level, w in levels)
            return sum((w for _, w in levels), Fraction(0)), prod(powers, start=Fraction(1))
        weights: dict[Fraction, Fraction] = {}
        for level, w in levels:
            weights[level] = weights.get(level, Fraction(0)) + w
        return tuple(part for level, w in weights.items() for part in (level, -w))

    @cached_property
    def part(self) -> int:
        """The common denominator of the loads, since whole multiples of 1 / part add up much faster."""
        return lcm(*(s.denominator for s in self.state.values()))

    @cached_property
    def carried(self) -> dict[int, int]:
        """The loads so far, in parts."""
        return {a: s.numerator * (self.part // s.denominator) for a, s in self.state.items()}

    def load(self, satisfaction: ByAnnotator) -> Fraction | None:
        """The level, in parts, at which supporters have equal loads; None without supporters.

        Supporters who already carry more are excluded.
        """
        carriers = {a: w * satisfaction[a] for a, w in self.weight.items()}
        carriers = {a: c for a, c in carriers.items() if c > 0}
        cost = sum(self.weight.values(), Fraction(0)) * self.part * self.stake
        while carriers:
            total = cost + sum(c * self.carried[a] for a, c in carriers.items())
            load = total / sum(carriers.values(), Fraction(0))
            if all(self.carried[a] <= load for a in carriers):
                return load
            carriers = {a: c for a, c in carriers.items() if self.carried[a] <= load}
        return None

    def update(self, satisfaction: ByAnnotator) -> ByAnnotator:
        """The next state of each annotator."""
        if self.code != PHRAGMEN:
            return {a: s + satisfaction[a] for a, s in self.state.items()}
        load = self.load(satisfaction)
        if load is None:
            return self.state
        return {
            a: (s + satisfaction[a] * max(load - s, Fraction(0))) / self.part
            for a, s in self.carried.items()
        }


def decide_orders_exactly(layout: Layout, aim_code: int, unit: int, scores: np.ndarray) -> None:
    """Rank prompt after prompt into ``scores`` (R,); no sum and no product is rounded.

    Raises
    ------
    ValueError
        If a prompt has too many responses to compare all orders, or weights too large for exact products.
    """
    largest = int(layout.sizes.max())
    if unit not in (WINNER, APPROVAL) and largest > MOST_FOR_ORDERS:
        raise ValueError(
            f"exact is true for a prompt of {largest} responses; it works for up to "
            f"{MOST_FOR_ORDERS}, or for any number with unit winner or approval"
        )
    state: ByAnnotator = dict.fromkeys(range(layout.n_annotators), Fraction(0))
    for p in layout.prompts.tolist():
        ballots = prompt_ballots(layout, p)
        votes, who = exact_votes(ballots.weights), ballots.annotators.tolist()
        counted = exact_counted(unit, ballots, votes)
        weight = dict.fromkeys(who, Fraction(0))
        for a, vote in zip(who, votes, strict=True):
            weight[a] += vote
        if aim_code == NASH:
            weight = _powers(weight, layout.rankings.prompt_ids[p])
        aim = Aim(aim_code, {a: state[a] for a in weight}, weight, counted.stake)
        above, total = votes_above(ballots.ranks, votes), sum(votes)
        unanimous = [[0 < total == part for part in row] for row in above]
        decided = layout.frozen_order(p)
        order: list[int] = [] if decided is None else decided.tolist()
        if unit in (WINNER, APPROVAL):
            values = winner_satisfactions(unit, rows_of(unit, ballots))
            columns = ([row[i] for row in values] for i in range(len(above)))
            satisfactions = [mean_by_annotator(who, votes, column) for column in columns]
            if not order:
                order = _order_by_first([aim.key(s) for s in satisfactions], unanimous)
            state |= aim.update(satisfactions[order[0]])
        else:
            pairs = Pairs(ballots, counted, votes)
            order = order or _best_order(aim, pairs, above, unanimous)
            if counted.n:
                state |= aim.update(pairs.satisfaction(order))
        start = layout.rankings.response_starts[p]
        scores[start + np.array(order)] = np.arange(len(order) - 1, -1, -1)


class Pairs:
    """The pairs that each annotator present agrees with."""

    def __init__(self, ballots: Ballots, counted: ExactCounted, votes: Sequence[Fraction]) -> None:
        M, who = ballots.ranks.shape[1], ballots.annotators.tolist()
        self.n, parts = counted.n, parts_by_annotator(who, list(votes))
        self.agreeing = {a: [[Fraction(0)] * M for _ in range(M)] for a in who}
        for a, part, row in zip(who, parts, ballots.ranks.tolist(), strict=True):
            for i, j in permutations(range(M), 2):
                if 0 < row[i] < row[j]:
                    self.agreeing[a][i][j] += counted.pairs[i][j] * part

    def satisfaction(self, order: Sequence[int]) -> ByAnnotator:
        """The share of the pairs, on average over an annotator's ballots."""
        pairs = list(combinations(order, 2))
        return {
            a: sum((wins[i][j] for i, j in pairs), Fraction(0)) / self.n
            for a, wins in self.agreeing.items()
        }


def _best_order(
    aim: Aim, pairs: Pairs, above: list[list[Fraction]], unanimous: list[list[bool]]
) -> list[int]:
    """The first of the orders that serve the aim best and then agree most with all ballots."""
    best: tuple[Key, Fraction] | None = None
    best_order: list[int] = []
    for order in permutations(range(len(above))):
        if any(unanimous[j][i] for i, j in combinations(order, 2)):
            continue
        key = aim.key(pairs.satisfaction(order)) if pairs.n else ()
        quality = key, sum((above[i][j] for i, j in combinations(order, 2)), Fraction(0))
        if best is None or quality > best:
            best, best_order = quality, list(order)
    return best_order


def _order_by_first(keys: list[Key], unanimous: list[list[bool]]) -> list[int]:
    """The best response, then the best of the others, and so on; unanimous pairs are kept."""
    order: list[int] = []
    while len(order) < len(keys):
        unplaced = [i for i in range(len(keys)) if i not in order]
        free = [i for i in unplaced if not any(unanimous[j][i] for j in unplaced)]
        order.append(max(free, key=keys.__getitem__))
    return order


def _powers(weight: ByAnnotator, prompt: str) -> ByAnnotator:
    """The weights in proportion, as the smallest whole numbers."""
    whole = [w * lcm(*(w.denominator for w in weight.values())) for w in weight.values()]
    common = gcd(*(int(w) for w in whole)) or 1
    if sum(whole) > MOST_VOTES * common:
        raise ValueError(
            f"prompt {prompt}: exact is true, and the weights are {sum(whole) // common} times their "
            f"common part; perpetual_nash takes products of up to {MOST_VOTES} satisfactions exactly"
        )
    return {a: w / common for a, w in zip(weight, whole, strict=True)}
