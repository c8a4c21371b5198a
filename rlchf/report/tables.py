"""Tables of a report as they are written: texts of cells, kinds of columns, folded rows, widths."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from rlchf.report.document import Column, Table

DASH = "–"
FEW = 5
"""So many rows more than a table shows at once are shown too, rather than folded."""
SOME, LONG = 12, 40
"""Characters from which on a text needs a column of some width, and a wide one."""
PAGE, TURNED = 516, 762
"""Width of the text on a printed page and on one in landscape, in points."""
SMALLEST, USUAL = 5.0, 8.0
"""Sizes of letters in printed tables, in points."""
BROAD = 0.62
"""Width of a character by the size of letters, in a broad font."""
DENSE = 110
"""Characters of a row from which on a table is set in smaller letters on the screen."""
SHORT = 12
"""Rows of a table that stands on one printed page at most."""


@dataclass(frozen=True)
class TableLayout:
    """A table as it is written: texts of its cells, and the attributes of each column's cells."""

    caption: str
    titles: list[str]
    kinds: list[dict[str, str]]
    first: list[list[str]]
    folded: list[list[str]]
    notes: list[tuple[str, str]]
    characters: int
    narrowed: int

    @property
    def count(self) -> str:
        """The number of rows."""
        return f"{len(self.first) + len(self.folded):,}"

    @property
    def letters(self) -> float:
        """The size of letters in points at which the table fits a printed page, if they can be read."""
        width = PAGE if self.fits else TURNED
        characters = self.characters if _least_width(self.characters) <= PAGE else self.narrowed
        return round(min(USUAL, max(SMALLEST, width / (BROAD * max(characters, 1)))), 1)

    @property
    def fits(self) -> bool:
        """Whether an upright page is wide enough, with each interval below its figure if need be."""
        return _least_width(self.narrowed) <= PAGE

    @property
    def look(self) -> str:
        """The classes of the table."""
        looks = {
            "dense": self.characters > DENSE,
            "narrowed": _least_width(self.characters) > PAGE,
            "turned": not self.fits,
            "cramped": _least_width(self.narrowed) > TURNED,
            "short": len(self.first) <= SHORT,
        }
        return " ".join(look for look, holds in looks.items() if holds)


def lay_out(table: Table) -> TableLayout:
    """The texts of a table.

    Raises
    ------
    ValueError
        If a row has more or fewer cells than there are columns.

    Examples
    --------
    >>> laid = lay_out(Table(["group", Column("share", 2)], [["a", 0.5], ["b", None]], "Shares"))
    >>> laid.first, laid.kinds
    ([['a', '0.50'], ['b', '–']], [{}, {'class': 'n'}])
    """
    columns = [one if isinstance(one, Column) else Column(one) for one in table.columns]
    for n, row in enumerate(table.rows):
        if len(row) != len(columns):
            raise ValueError(
                f"row {n} of the table {table.caption!r} has {len(row)} cells; give {len(columns)}"
            )
    texts = [
        [cell_text(cell, column.digits) for cell, column in zip(row, columns, strict=True)]
        for row in table.rows
    ]
    titles = [column.title for column in columns]
    kinds = [_kind([row[c] for row in table.rows]) for c in range(len(columns))]
    cells = [[row[c] for row in texts] for c in range(len(columns))]
    n_first = len(texts)
    if table.shown and len(texts) > table.shown + FEW:
        n_first = table.shown
    return TableLayout(
        caption=table.caption,
        titles=titles,
        kinds=kinds,
        first=texts[:n_first],
        folded=texts[n_first:],
        notes=[(column.title, column.note) for column in columns if column.note],
        characters=sum(_characters(*column) for column in zip(titles, cells, kinds, strict=True)),
        narrowed=sum(
            _characters(title, [part for cell in column for part in cell.split(" (")], kind)
            for title, column, kind in zip(titles, cells, kinds, strict=True)
        ),
    )


def _least_width(characters: int) -> float:
    """The width in points of a row in the smallest letters."""
    return characters * BROAD * SMALLEST


def _characters(title: str, cells: Sequence[str], look: dict[str, str]) -> int:
    """How many characters a column needs in one line: its figures, or the longest word of its texts."""
    kind = look.get("class", "")
    whole = cells if kind == "n" else [word for cell in cells for word in cell.split()]
    least = {"long": LONG // 2, "some": SOME}.get(kind, 1)
    longest = max((len(text) for text in [*whole, *title.split()]), default=0)
    return max(least, min(longest, LONG)) + 1


def _kind(cells: Sequence[Any]) -> dict[str, str]:
    """The class of a column's cells: figures and gaps, or long texts."""
    given = [cell for cell in cells if cell is not None]
    texts = [cell for cell in given if isinstance(cell, str)]
    if texts:
        longest = max(len(text) for text in texts)
        return {"class": "long"} if longest > LONG else {"class": "some"} if longest > SOME else {}
    return {"class": "n"} if given else {}


def cell_text(cell: Any, digits: int | None = None) -> str:
    """A cell as text.

    Examples
    --------
    >>> [cell_text(cell, 2) for cell in (1234, -0.004, -1.5, None, float("nan"), "a")]
    ['1,234', '0.00', '−1.50', '–', '–', 'a']
    >>> from rlchf.auditing.estimates import Estimate
    >>> cell_text(Estimate(0.4, 0.3, 0.5), 2)
    '0.40 (0.30 to 0.50)'
    """
    if cell is None:
        return DASH
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Real):
        return _number(cell, digits)
    value, low, high = (_number(x, digits) for x in (cell.value, cell.low, cell.high))
    return value if DASH in (value, low, high) else f"{value} ({low} to {high})"


def _number(value: Any, digits: int | None) -> str:
    """A figure as text, with a true minus sign; a dash for NaN."""
    if isinstance(value, Integral):
        return f"{int(value):,}".replace("-", "−")
    if value is None or math.isnan(value):
        return DASH
    if digits is None:
        return f"{value:,.6g}".replace("-", "−")
    return f"{round(float(value), digits) + 0.0:,.{digits}f}".replace("-", "−")
