"""The table of where groups stand, and what it says in words."""

import math
from collections.abc import Collection, Iterator, Sequence

from rich.table import Table

from rlchf.auditing.estimates import Estimate
from rlchf.auditing.report import Audit
from rlchf.auditing.standing import Standing, by_position
from rlchf.cli.tables import make_table, number
from rlchf.display import counted

NAMED = 5


def standing_tables(report: Audit) -> Iterator[Table | str]:
    """Where the groups stand, the lowest first, and sentences on who is served least."""
    rows = by_position(report.standings)
    yield standing_table(report, rows)
    yield (
        " (position: 0 is a random order, 1 the group's own ranking; cost: what the others would lose under "
        "that ranking)"
    )
    ratios = [one for one in report.intervals if one.measure == "representation_ratio"]
    proportional = {one.name for one in ratios if one.high >= 1}
    yield from sentences(rows, proportional)


def standing_table(report: Audit, rows: Sequence[Standing]) -> Table:
    """One row per group: its agreement beside that with a random order, the others' and its own ranking."""
    table = make_table(
        f"{report.rule},\nheld out" if rows[0].again else f"{report.rule},\nas given",
        "posi-\ntion", "95 %\ninterval", "agree-\nment", "others'\nrank-\ning", "own\nrank-\ning",
        "cost to\nthe others",
    )  # fmt: skip
    for row in rows:
        shares = row.agreed.value, row.others.value, row.best.value
        cells = [number(row.position.value, 2), span(row.position, 2), *map(number, shares)]
        table.add_row(row.name, *cells, with_interval(row.cost))
    return table


def with_interval(estimate: Estimate, digits: int = 2) -> str:
    """A figure and its 95 % interval for a table.

    Examples
    --------
    >>> with_interval(Estimate(0.725, 0.7, 0.75)), with_interval(Estimate(0.0, -0.01, 0.01))
    ('0.72 (0.70-0.75)', '0.00 (-0.01 to 0.01)')
    """
    value = number(estimate.value, digits)
    if math.isnan(estimate.low):
        return value
    between = " to " if min(estimate.low, estimate.high) < 0 else "-"
    return f"{value} ({number(estimate.low, digits)}{between}{number(estimate.high, digits)})"


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
    if len(placed) == 0:
        yield " No group has a position."
    if len(placed) > 1:
        yield _least(*placed[:2])
    losing = [row.name for row in rows if row.losing]
    if losing:
        yield f" Served less than by a random order (agreement below it by the interval): {names(losing)}."
    fair = [name for name in losing if name in proportional]
    if fair:
        yield (
            " Of these, served in proportion to their weight all the same, being opposed to the others "
            f"(representation ratio of 1 in or below the interval): {names(fair)}."
        )
    single = [row.name for row in rows if row.annotators < 2]
    if single:
        yield f" No position, since there are not two members to compare: {names(single)}."
    apart = [row.name for row in rows if row.annotators > 1 and math.isnan(row.position.value)]
    if apart:
        yield (
            " No position, since the members agree too little with one another to tell their own ranking "
            f"from a random order: {names(apart)}."
        )
    content = [row.name for row in rows if not row.opposed]
    if content:
        whom = "any group" if len(content) == len(rows) else names(content)
        yield (
            f" No representation ratio for {whom}: the ranking of the others alone gives at least half of "
            "the contested pairs or the proportional share."
        )
    if rows[0].left_out:
        total = rows[0].prompts + rows[0].left_out
        yield (
            f" Positions leave out {rows[0].left_out:,} of {counted(total, 'prompt')}, which have more than "
            "8 responses."
        )


def _least(first: Standing, second: Standing) -> str:
    apart = "" if first.position.high < second.position.low else "; the intervals overlap"
    return (
        f" Served least: {first.name}, at {number(first.position.value, 2)} "
        f"({span(first.position, 2)}) between a random order (0) and its own ranking (1); "
        f"next {second.name}, at {number(second.position.value, 2)}{apart}."
    )


def names(of_groups: Sequence[str]) -> str:
    """Names in a sentence, the first five and how many more.

    Examples
    --------
    >>> names(["a", "b"]), names(list("abcdefg"))
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    more = len(of_groups) - NAMED
    shown = ", ".join(of_groups[:NAMED])
    return shown if more <= 0 else f"{shown} and {more} more"
