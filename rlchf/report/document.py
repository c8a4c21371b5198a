"""What a report is made of: a document of sections, and sections of text, tables, charts and folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Cell = str | int | float | None
"""A cell of a table; None is shown as a dash."""


@dataclass(frozen=True)
class Text:
    """Sentences, one paragraph; ``listed`` shows each sentence as an item of a list."""

    sentences: Sequence[str]
    listed: bool = False


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title
        The header.
    digits
        Decimal places of its numbers; None shows them as they are.
    note
        What the column means, shown with the header.
    """

    title: str
    digits: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table with headers of columns, and of rows in its first column.

    Attributes
    ----------
    columns
        The columns; a string is a column without digits or note.
    rows
        Cells, as many as columns.
    caption
        What the table shows, in one sentence.
    shown
        How many rows are shown at once; the others are folded. 0 shows all.
    """

    columns: Sequence[Column | str]
    rows: Sequence[Sequence[Cell]]
    caption: str
    shown: int = 20


@dataclass(frozen=True)
class Chart:
    """A chart drawn in the browser, and as a static picture where it is printed or without scripts.

    Attributes
    ----------
    spec
        A Vega-Lite specification: the ``to_dict()`` of an Altair chart.
    title
        What the chart shows.
    description
        The same in words and figures, for people who do not see it.
    """

    spec: Mapping[str, Any]
    title: str
    description: str


@dataclass(frozen=True)
class Picture:
    """A picture in SVG, such as one that Matplotlib drew, with its description in words."""

    svg: str
    title: str
    description: str


@dataclass(frozen=True)
class Fold:
    """Blocks that are shown when a reader opens them."""

    title: str
    blocks: Sequence["Block"]


@dataclass(frozen=True)
class Code:
    """Text as it is, such as settings or a command."""

    text: str


Block = Text | Table | Chart | Picture | Fold | Code


@dataclass(frozen=True)
class Section:
    """A section: its name is the anchor in the page, its title stands in the contents."""

    name: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes
    ----------
    title
        Its title.
    findings
        What was found, in sentences; they stand first.
    sections
        The sections in order.
    facts
        Date, version, command, files with their sizes: shown under the title.
    """

    title: str
    findings: Sequence[str]
    sections: Sequence[Section]
    facts: Mapping[str, str] = field(default_factory=dict)
