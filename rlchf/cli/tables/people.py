"""Tables about the people, for the terminal."""

import math
from collections.abc import Iterator

from rich.table import Table

from rlchf.auditing.estimates import Estimate
from rlchf.cli.tables import LISTED, make_table, number
from rlchf.people.agreement import PairAgreement
from rlchf.people.findings import findings
from rlchf.people.report import People


def people_tables(people: People) -> Iterator[Table | str]:
    """Findings, agreement by group, and the consequences of dropping people, one after the other."""
    yield from findings(people)
    yield ""
    yield agreement_table(people)
    if len(people.effective) > 1 or not math.isnan(people.effective[0].correlation.value):
        yield ""
        yield effective_table(people)
    dropping = consequences_table(people)
    if dropping is not None:
        yield ""
        yield "What it would do to drop people (agreement: with the result by " + people.rule + ")"
        yield dropping


def agreement_table(people: People) -> Table:
    """Agreement of everybody and of the groups, the largest first."""
    table = make_table("people", "number", "same", "alpha", "95 %", "tau-b", "W", "with\nothers")
    table.add_row(*_row("all", people.overall, float("nan")))
    groups = [
        (f"{title}: {group.within.name}" if title else group.within.name, group)
        for title, listed in people.groups.items()
        for group in listed
    ]
    groups.sort(key=lambda item: -item[1].within.weight)
    for name, group in groups[:LISTED]:
        table.add_row(*_row(name, group.within, group.outside.value))
    if len(groups) > LISTED:
        table.add_row(f"... and {len(groups) - LISTED:,} smaller ones")
    return table


def _row(name: str, found: PairAgreement, outside: float) -> list[str]:
    return [
        name, f"{found.annotators:,}", number(found.same.value), number(found.alpha.value),
        _interval(found.alpha), number(found.tau_b.value), number(found.kendalls_w), number(outside),
    ]  # fmt: skip


def _interval(estimate: Estimate) -> str:
    if math.isnan(estimate.low):
        return "-"
    return f"{number(estimate.low)} to {number(estimate.high)}"


def effective_table(people: People) -> Table:
    """Effective numbers of voters."""
    table = make_table("people", "number", "correlation", "on a\nprompt", "worth\nthere", "95 %")
    for one in people.effective[: LISTED + 1]:
        worth = one.effective_on_a_prompt
        ends = (
            "-" if math.isnan(worth.low) else f"{number(worth.low, 2)} to {number(worth.high, 2)}"
        )
        table.add_row(
            one.name, f"{one.voters:,}", number(one.correlation.value), number(one.on_a_prompt, 1),
            number(worth.value, 2), ends,
        )  # fmt: skip
    return table


def consequences_table(people: People) -> Table | None:
    """What dropping people would do to the groups of which most would be dropped; None without groups."""
    rows = [row for row in people.consequences if row.division != "all" and row.dropped]
    if not rows:
        return None
    rows.sort(key=lambda row: -row.dropped / row.people)
    table = make_table(
        "dropped", "group", "people", "of them\ndropped", "weight", "after", "agreement", "after"
    )
    for row in rows[:LISTED]:
        name = f"{row.division}: {row.group}" if row.division else row.group
        table.add_row(
            row.criterion, name, f"{row.people:,}", f"{row.dropped:,}", number(row.weight_before),
            number(row.weight_after), number(row.agreement_before), number(row.agreement_after),
        )  # fmt: skip
    if len(rows) > LISTED:
        table.add_row(f"... and {len(rows) - LISTED:,} more")
    return table
