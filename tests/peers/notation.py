"""How `tests/peers/elections.json` writes orders, sets and shares; its `about` says it in words."""

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any


def digits(responses: Iterable[Any]) -> str:
    return "".join(str(int(i)) for i in responses)


def written(levels: Iterable[Sequence[int]]) -> str:
    """An order: its levels, best first, with brackets around tied responses."""
    return "".join(digits(x) if len(x) == 1 else f"({digits(sorted(x))})" for x in levels)


def by_key(responses: Iterable[int], key: Callable[[int], Any]) -> str:
    """The order in which a smaller key is better."""
    return written([list(level) for _, level in groupby(sorted(responses, key=key), key=key)])


def order(ranking: Any) -> str:
    return by_key(ranking.rmap, ranking.rmap.get)


def by_score(scores: dict[int, Any]) -> str:
    return by_key(scores, lambda i: -scores[i])


def sets(committees: Iterable[Iterable[int]]) -> str:
    """Committees; - is an empty one."""
    return " ".join(sorted({digits(sorted(one)) or "-" for one in committees}))


def pairs(graph: Any) -> str:
    return sets_in_order(graph.edges)


def sets_in_order(orders: Iterable[Iterable[int]]) -> str:
    return " ".join(sorted({digits(one) for one in orders}))


def shares(probabilities: dict[int, float]) -> str:
    """Whole numbers in the given proportions."""
    exact = [
        Fraction(float(probabilities[i])).limit_denominator(10**5) for i in sorted(probabilities)
    ]
    unit = math.lcm(*(share.denominator for share in exact))
    return " ".join(str(int(share * unit)) for share in exact)


def levels_of(order: str) -> list[list[int]]:
    """The levels of a written order such as 0(12)3."""
    levels: list[list[int]] = []
    inside = False
    for sign in order:
        if sign in "()":
            inside = sign == "("
            levels += [[]] if inside else []
        elif inside:
            levels[-1].append(int(sign))
        else:
            levels.append([int(sign)])
    return levels


def numbers(text: str) -> list[int]:
    return [int(sign) for sign in text]
