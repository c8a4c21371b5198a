"""The most influential annotators and groups, for the terminal."""

from collections.abc import Iterator

from rich.table import Table

from rlchf.cli.tables import LISTED, make_table, number
from rlchf.comparison.influence import Influences

SHOWN = 6
"""Groups whose agreement has a column."""


def tables(found: Influences) -> Iterator[Table | str]:
    """What changes without each annotator and each group, and what that does to groups."""
    for title, rows in (("annotator", found.annotators), ("group", found.groups)):
        if not rows:
            continue
        names = list(rows[0].groups)[:SHOWN]
        table = make_table(
            f"{found.rule},\nwithout {title}", "prompts", "weight", "pairs\nflipped", "pairs\nchanged",
            "share of\nits pairs", "first\nchanged", *(f"effect on\n{name}" for name in names),
        )  # fmt: skip
        for one in rows[:LISTED]:
            share = one.changed / one.pairs if one.pairs else float("nan")
            effects = (number(one.groups[name], 4) for name in names)
            table.add_row(
                one.name, f"{one.prompts:,}", number(one.weight), f"{one.flipped:,}", f"{one.changed:,}",
                number(share), f"{one.first:,}", *effects,
            )  # fmt: skip
        yield table
        if len(rows) > LISTED:
            yield f"({len(rows) - LISTED:,} more: see --json)"
    if found.annotators:
        mean = sum(one.changed for one in found.annotators) / len(found.annotators)
        yield (
            f"(of {found.pairs:,} pairs on {found.prompts:,} prompts; an annotator changes {mean:.1f} on "
            "average; effect: by how much the ballots raise the group's agreement with the outcome)"
        )
