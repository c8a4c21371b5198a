"""Tables for the terminal."""

import math

from rich.table import Table

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


def number(value: float, digits: int = 3) -> str:
    """A number for a table; a dash for none.

    Examples
    --------
    >>> number(0.25), number(float("nan"))
    ('0.250', '-')
    """
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
