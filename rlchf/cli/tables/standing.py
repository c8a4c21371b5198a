"""The table of where groups stand."""

import math
from collections.abc import Iterator, Sequence

from rich.table import Table

from rlchf.auditing.estimates import Estimate
from rlchf.auditing.report import Audit
from rlchf.auditing.standing import Standing, by_position
from rlchf.auditing.standing_sentences import sentences, span
from rlchf.cli.tables import make_table, number

COLUMNS = (
    " (position: 0 is a random order, 1 the group's own ranking)",
    " (outcome, ranking of others, own ranking: the share of the contested pairs on a member's ballot that "
    "agree with the outcome, with the ranking of everybody outside of the group, and with that of the "
    "group's other members; half agree with a random order)",
    " (group gains, others lose: the change of such a share if the group's own ranking were the outcome)",
)
"""What the columns are."""


def standing_tables(report: Audit) -> Iterator[Table | str]:
    """Where the groups stand, the lowest first, and sentences on who is served least."""
    rows = by_position(report.standings)
    yield standing_table(report, rows)
    yield from COLUMNS
    ratios = [one for one in report.intervals if one.measure == "representation_ratio"]
    proportional = {one.name for one in ratios if one.high >= 1}
    yield from sentences(rows, proportional)


def standing_table(report: Audit, rows: Sequence[Standing]) -> Table:
    """One row per group: its agreement beside that with a random order, the others' and its own ranking."""
    table = make_table(
        f"{report.rule},\nheld out" if rows[0].again else f"{report.rule},\nas given",
        "peo-\nple", "posi-\ntion", "95 %\ninterval", "out-\ncome", "rank-\ning of\nothers",
        "own\nrank-\ning", "group\ngains", "others\nlose",
    )  # fmt: skip
    for row in rows:
        shares = row.agreed.value, row.others.value, row.best.value, row.gain, row.cost.value
        cells = [number(row.position.value, 2), span(row.position, 2)]
        table.add_row(row.name, str(row.annotators), *cells, *(number(x, 2) for x in shares))
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
