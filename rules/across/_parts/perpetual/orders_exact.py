"""The perpetual rules that choose among orders, in exact fractions: plain Python."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations, permutations
from math import gcd, lcm, prod

import numpy as np

from rlchf.rules.across._parts import layout as _sequence
from rlchf.rules.across._parts.orders import LISTED
from rlchf.rules.across._parts.perpetual.exact import above_of, exact_votes, of_each, worths_of
from rlchf.rules.across._parts.perpetual.loop import APPROVAL, NASH, PHRAGMEN, WINNER, decided_pairs

MOST_VOTES = 10_000
"""A product of more satisfactions than that has too many digits."""

Of = dict[int, Fraction]
"""A number of each annotator who is present."""
Key = tuple[Fraction | int, ...]
"""What the best order has the most of."""


@dataclass(frozen=True)
class Aim:
    """What is sought on one prompt: those present have ``state`` and ``weight``."""

    code: int
    state: Of
    weight: Of

    def key(self, got: Of) -> Key:
        """The larger, the better for the aim if everybody gets ``got``."""
        if self.code == PHRAGMEN:
            load = self.load(got)
            return (0,) if load is None else (1, -load)
        after = sorted((s + got[a], self.weight[a]) for a, s in self.state.items())
        after = [(level, w) for level, w in after if w > 0]
        if self.code == NASH:
            after = [(level, w) for level, w in after if level > 0]
            powers = (level ** int(w) for level, w in after)
            return sum((w for _, w in after), Fraction(0)), prod(powers, start=Fraction(1))
        found: dict[Fraction, Fraction] = {}
        for level, w in after:
            found[level] = found.get(level, Fraction(0)) + w
        return tuple(part for level, w in found.items() for part in (level, -w))

    @cached_property
    def part(self) -> int:
        """Loads have long denominators: whole multiples of 1 / part are added up much faster."""
        return lcm(*(s.denominator for s in self.state.values()))

    @cached_property
    def carried(self) -> dict[int, int]:
        """The loads so far, in parts."""
        return {a: s.numerator * (self.part // s.denominator) for a, s in self.state.items()}

    def load(self, got: Of) -> Fraction | None:
        """The load, in parts, at which supporters are level, those with more left out; None for none."""
        carriers = {a: w * got[a] for a, w in self.weight.items() if w * got[a] > 0}
        cost = sum(self.weight.values(), Fraction(0)) * self.part
        while carriers:
            whole = cost + sum(c * self.carried[a] for a, c in carriers.items())
            load = whole / sum(carriers.values(), Fraction(0))
            if all(self.carried[a] <= load for a in carriers):
                return load
            carriers = {a: c for a, c in carriers.items() if self.carried[a] <= load}
        return None

    def after(self, got: Of) -> Of:
        """Everybody's next state."""
        if self.code != PHRAGMEN:
            return {a: s + got[a] for a, s in self.state.items()}
        load = self.load(got)
        if load is None:
            return self.state
        return {
            a: (s + got[a] * max(load - s, Fraction(0))) / self.part
            for a, s in self.carried.items()
        }


def decide_orders_exactly(
    laid: _sequence.Sequence, aim: int, unit: int, scores: np.ndarray
) -> None:
    """Rank prompt after prompt into ``scores`` (R,); no sum and no product is rounded.

    Raises
    ------
    ValueError
        If a prompt has too many responses for all orders to be compared, or weights of which a product
        has too many factors.
    """
    most = int(laid.sizes.max())
    if unit not in (WINNER, APPROVAL) and most > LISTED:
        raise ValueError(
            f"exact is true for a prompt of {most} responses; it works for up to {LISTED}, or for any "
            f"number with unit winner or approval"
        )
    state: Of = dict.fromkeys(range(laid.n_annotators), Fraction(0))
    for p in laid.prompts.tolist():
        at = slice(int(laid.ballots[p]), int(laid.ballots[p + 1]))
        weights, who = laid.weights[at], laid.annotators[at].tolist()
        ranks = laid.block(np.array([p]))[1].reshape(len(who), -1)
        votes, decided = exact_votes(weights), np.empty((ranks.shape[1],) * 2, dtype=bool)
        n = decided_pairs(unit, ranks, weights, decided)
        weight = dict.fromkeys(who, Fraction(0))
        for a, vote in zip(who, votes, strict=True):
            weight[a] += vote
        if aim == NASH:
            weight = _powers(weight, laid.rankings.prompt_ids[p])
        here = Aim(aim, {a: state[a] for a in weight}, weight)
        above, everything = above_of(ranks, votes), sum(votes)
        forced = [[0 < everything == part for part in row] for row in above]
        if unit in (WINNER, APPROVAL):
            worths = worths_of(unit, ranks)
            gets = [of_each(who, [row[i] for row in worths]) for i in range(ranks.shape[1])]
            order = _by_first([here.key(got) for got in gets], forced)
            state |= here.after(gets[order[0]])
        else:
            pairs = Pairs(ranks, who, decided, n)
            order = _best_order(here, pairs, above, forced)
            if n:
                state |= here.after(pairs.got(order))
        scores[laid.responses[p] + np.array(order)] = np.arange(len(order) - 1, -1, -1)


class Pairs:
    """What the annotators present get from an order, pair by pair."""

    def __init__(self, ranks: np.ndarray, who: list[int], decided: np.ndarray, n: int) -> None:
        M = ranks.shape[1]
        self.n, self.times = n, Counter(who)
        self.agreeing = {a: [[0] * M for _ in range(M)] for a in who}
        for a, row in zip(who, ranks.tolist(), strict=True):
            for i, j in permutations(range(M), 2):
                self.agreeing[a][i][j] += bool(decided[i, j]) and 0 < row[i] < row[j]

    def got(self, order: Sequence[int]) -> Of:
        """The share of the pairs, on average over an annotator's ballots."""
        pairs = list(combinations(order, 2))
        return {
            a: Fraction(sum(wins[i][j] for i, j in pairs), self.times[a] * self.n)
            for a, wins in self.agreeing.items()
        }


def _best_order(
    here: Aim, pairs: Pairs, above: list[list[Fraction]], forced: list[list[bool]]
) -> list[int]:
    """The first of those that serve the aim best and then agree most with all ballots."""
    best: tuple[Key, Fraction] | None = None
    found: list[int] = []
    for order in permutations(range(len(above))):
        if any(forced[j][i] for i, j in combinations(order, 2)):
            continue
        key = here.key(pairs.got(order)) if pairs.n else ()
        standing = key, sum((above[i][j] for i, j in combinations(order, 2)), Fraction(0))
        if best is None or standing > best:
            best, found = standing, list(order)
    return found


def _by_first(keys: list[Key], forced: list[list[bool]]) -> list[int]:
    """The best response, then the best of the others, and so on; who is below another by all waits."""
    order: list[int] = []
    while len(order) < len(keys):
        left = [i for i in range(len(keys)) if i not in order]
        free = [i for i in left if not any(forced[j][i] for j in left)]
        order.append(max(free, key=keys.__getitem__))
    return order


def _powers(weight: Of, prompt: str) -> Of:
    """The weights in whole numbers, as small as can be."""
    whole = [w * lcm(*(w.denominator for w in weight.values())) for w in weight.values()]
    common = gcd(*(int(w) for w in whole)) or 1
    if sum(whole) > MOST_VOTES * common:
        raise ValueError(
            f"prompt {prompt}: exact is true, and the weights are {sum(whole) // common} times their "
            f"common part; perpetual_nash takes products of up to {MOST_VOTES} satisfactions exactly"
        )
    return {a: w / common for a, w in zip(weight, whole, strict=True)}
