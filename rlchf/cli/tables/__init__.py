"""Tables for the terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from rlchf.display import number as number

LISTED = 20
"""Rows of a table at most, where there is one for each annotator or each text of features."""


def make_table(first: str, *others: str) -> Table:
    """A table without lines, whose first column is text and whose others are figures.

    Titles may have several lines.
    """
    table = Table(box=None)
    table.add_column(first, vertical="bottom", overflow="fold")  # gives way before figures do
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def fitting(table: Table, console: Console) -> Iterator[Table]:
    """The table, or parts of it with as many columns as fit, each of which begins with the first column.

    So names and figures are whole on a narrow terminal. Names of several words take several lines if all
    columns fit beside them then.

    Examples
    --------
    >>> table = make_table("group", "first figure", "second figure")
    >>> table.add_row("north", "0.1", "0.2")
    >>> [len(part.columns) for part in fitting(table, Console(width=40))]
    [3]
    >>> [len(part.columns) for part in fitting(table, Console(width=25))]
    [2, 2]
    >>> table.add_row("United States of America", "0.3", "0.4")
    >>> [len(part.columns) for part in fitting(table, Console(width=50))]
    [3]
    """
    narrower = _width(table, console) - console.width
    if narrower <= 0:
        yield table
        return
    names = _part(table, [0])
    room = _width(names, console) - 2 - narrower  # 2: the column's padding
    if room >= _longest_word(names):
        table.columns[0].max_width = room
        yield table
        return
    shown, columns = [0], list(range(1, len(table.columns)))
    for column in columns:
        if len(shown) > 1 and not _fits(_part(table, [*shown, column]), console):
            yield _part(table, shown)
            shown = [0]
        shown.append(column)
    yield _part(table, shown)


def _fits(table: Table, console: Console) -> bool:
    return _width(table, console) <= console.width


def _width(table: Table, console: Console) -> int:
    unlimited = console.options.update(max_width=10_000)
    return Measurement.get(console, unlimited, table).maximum


def _longest_word(table: Table) -> int:
    """The length of the longest word in the first column of a table, 12 at least."""
    column = table.columns[0]
    words = [word for text in (column.header, *column.cells) for word in str(text).split()]
    return max(12, *(len(word) for word in words))


def _part(table: Table, columns: list[int]) -> Table:
    """Some of the columns of a table."""
    part = Table(box=table.box)
    chosen = [table.columns[index] for index in columns]
    for c in chosen:
        part.add_column(
            c.header, justify=c.justify, vertical=c.vertical, overflow=c.overflow, no_wrap=c.no_wrap
        )
    for cells in zip(*(c.cells for c in chosen), strict=True):
        part.add_row(*cells)
    return part
