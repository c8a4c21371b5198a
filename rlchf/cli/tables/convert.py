"""What a conversion wrote, and what was not converted, for the terminal."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from rlchf.display import listing
from rlchf.jobs.convert import Report

LISTED = 4
"""Files that are named."""


def tables(report: Report) -> Iterator[RenderableType]:
    """What was read and written, the numbers, and what was not converted."""
    yield f"{report.title}: {listing(report.files, LISTED)}"
    yield _figures(report.numbers)
    yield from report.notes
    if report.dropped:
        yield "not converted:"
        yield _figures(report.dropped)


def _figures(numbers: dict[str, int]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for name, number in numbers.items():
        table.add_row(f"{number:,}", name)
    return table
