"""Where groups stand, in sentences."""

import math
from collections.abc import Collection, Iterator, Sequence

from rlchf.auditing.estimates import Estimate
from rlchf.auditing.standing import Standing
from rlchf.display import counted, listed, number, percent

NAMED = 5

FEW = 5
"""Members, with fewer than which a group's own ranking and its interval rest on little."""


def span(estimate: Estimate, digits: int = 3) -> str:
    """An interval for a table; a dash for none.

    Examples
    --------
    >>> span(Estimate(0.1, -0.2, 0.4)), span(Estimate(0.1, float("nan"), float("nan")))
    ('-0.200 to 0.400', '-')
    """
    low, high = number(estimate.low, digits), number(estimate.high, digits)
    return low if low == "-" else f"{low} to {high}"


def sentences(rows: Sequence[Standing], proportional: Collection[str] = ()) -> Iterator[str]:
    """Who is served least, who less than by a random order, and which figures are undefined and why.

    Groups that are opposed to the others may be served in proportion though less than by a random order.
    """
    placed = [row for row in rows if not math.isnan(row.position.value)]
    yield from served_least(rows)
    losing = [row.name for row in rows if row.losing]
    if losing:
        yield (
            " Served less than by a random order (even the top of the interval of the outcome's share is "
            f"below one half): {listed(losing)}."
        )
    fair = [name for name in losing if name in proportional]
    if fair:
        yield (
            " Of these, served in proportion to their weight all the same, being opposed to the others "
            f"(representation ratio of 1 in or below the interval): {listed(fair)}."
        )
    yield from adopted(rows)
    yield from _without_ratio(rows)
    yield from _without_position(rows)
    yield from _uncertain(placed)
    if rows[0].left_out:
        total = rows[0].prompts + rows[0].left_out
        yield (
            f" Positions leave out {rows[0].left_out:,} of {counted(total, 'prompt')}, which have more than "
            "8 responses."
        )


def served_least(rows: Sequence[Standing]) -> Iterator[str]:
    """The group with the lowest position, and all others that stand low."""
    placed = [row for row in rows if not math.isnan(row.position.value)]
    unplaced = [row for row in rows if row.losing and row not in placed]
    if unplaced:
        shares = [
            f"{row.name}, {number(row.agreed.value, 2)} ({span(row.agreed, 2)})" for row in unplaced
        ]
        yield f" Served least, by the outcome's share: {listed(shares)}; without a position, see below."
    if not placed:
        yield " No group has a position."
    if len(placed) < 2:
        return
    first, others = placed[0], placed[1:]
    low = [row for row in others if row.stands_low]
    rest = [row for row in others if not row.stands_low]
    begin = "Of those with a position" if unplaced else ""
    if first.stands_low:
        text = f" {begin}, served least: {_at(first)}" if begin else f" Served least: {_at(first)}"
    else:
        text = f" {begin or 'Of the groups'}, none stands out; the lowest is {_at(first)}"
    if low:
        shares = [
            f"{row.name} {number(row.position.value, 2)} ({span(row.position, 2)})" for row in low
        ]
        text += f"; {listed(shares)} stand{'s' * (len(low) == 1)} low too"
    if rest:
        text += f"; next {rest[0].name}, at {number(rest[0].position.value, 2)}"
    if first.stands_low and len(rest) > 1:
        text += "; no other group stands out"
    yield text + "."


def _at(row: Standing) -> str:
    return f"{row.name}, at {number(row.position.value, 2)} ({span(row.position, 2)})"


def adopted(rows: Sequence[Standing]) -> Iterator[str]:
    """What the own rankings of the groups that stand low would change."""
    for row in [row for row in rows if row.stands_low][:NAMED]:
        if math.isnan(row.cost.value):
            continue
        cost = max(row.cost, _negated(row.cost), key=lambda estimate: estimate.value)
        verb = "fall" if row.cost.value >= 0 else "rise"
        yield (
            f" If the own ranking of {row.name} were the outcome, its share would rise from "
            f"{number(row.agreed.value, 2)} to {number(row.best.value, 2)}, and that of the others {verb} by "
            f"{number(cost.value, 2)} ({span(cost, 2)})."
        )


def _negated(estimate: Estimate) -> Estimate:
    return Estimate(-estimate.value, -estimate.high, -estimate.low)


def _without_ratio(rows: Sequence[Standing]) -> Iterator[str]:
    """Why groups have no representation ratio, first those that stand low."""
    content = [row for row in rows if not row.opposed and not math.isnan(row.others.value)]
    low = [row for row in content if row.stands_low][:NAMED]
    for row in low:
        yield (
            f" No representation ratio for {row.name}: without its ballots it would get "
            f"{percent(row.others.value)} of the contested pairs, {_enough(row)}, so that no ratio can be "
            "given; this is no evidence that it is treated fairly."
        )
    rest = [row.name for row in content if row not in low]
    if rest:
        begin = f"Nor for {listed(rest)}" if low else f"No representation ratio for {listed(rest)}"
        if len(rest) == len(rows):
            begin = "No representation ratio for any group"
        yield (
            f" {begin}: without its own ballots each would get at least half of the contested pairs or its "
            "share of the weight, within its interval."
        )


def _enough(row: Standing) -> str:
    """Why the others' ranking is not opposed to a group."""
    if row.others.value > row.weight:
        return f"more than its {percent(row.weight)} of the weight"
    if row.others.value >= row.random:
        return "not less than with a random order"
    return f"by its interval perhaps half, or its {percent(row.weight)} of the weight"


def _without_position(rows: Sequence[Standing]) -> Iterator[str]:
    """Which groups have no position."""
    single = [row.name for row in rows if row.annotators < 2]
    if single:
        yield f" No position, since there are not two members to compare: {listed(single)}."
    apart = [row.name for row in rows if row.annotators > 1 and math.isnan(row.position.value)]
    if apart:
        yield (
            " No position, since the members agree too little with one another to tell their own ranking "
            f"from a random order: {listed(apart)}."
        )


def _uncertain(placed: Sequence[Standing]) -> Iterator[str]:
    """Which positions come from few people, and what one above 1 is."""
    few = [f"{row.name} ({row.annotators})" for row in placed if row.annotators < FEW]
    if few:
        yield (
            f" Groups of fewer than {FEW} people, whose own ranking and interval are uncertain: "
            f"{listed(few)}."
        )
    above = [row.name for row in placed if round(row.position.value, 2) > 1]
    if above:
        yield (
            " A position above 1 says that the outcome, which has the ballots of more people, agrees with a "
            "member more than the ranking of the group's other members does; it is no privilege: "
            f"{listed(above)}."
        )
