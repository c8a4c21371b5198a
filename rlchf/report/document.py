"""What a report is made of: a document of sections, and sections of text, tables, charts and folds.

`rlchf.report.page` writes a document as one HTML file; `rlchf.report.charts` makes its charts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class Ranged(Protocol):
    """A figure with its interval, such as an estimate of an audit; NaN where there is none."""

    @property
    def value(self) -> float:
        """The figure."""

    @property
    def low(self) -> float:
        """The lower end of its interval."""

    @property
    def high(self) -> float:
        """The upper end of its interval."""


Cell = str | int | float | Ranged | None
"""A cell of a table: None and NaN are shown as a dash, an interval as ``0.40 (0.35 to 0.45)``."""


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
        What the column means, shown below the table.
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
        How many rows are shown at once; the others are folded, and found by a text filter. 0 shows all.
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
    """A picture in SVG, such as one that Matplotlib drew, with its description in words.

    The SVG goes into the page as it is, so it has to come from code that escapes the names it writes.
    """

    svg: str
    title: str
    description: str


@dataclass(frozen=True)
class Card:
    """A text beside others: its heading, the text as it was written, and notes such as its score."""

    heading: str
    text: str
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class SideBySide:
    """Texts side by side, such as the responses to a prompt; one below the other on a phone.

    Attributes
    ----------
    heading
        What they have in common, such as the prompt.
    cards
        The texts.
    """

    heading: str
    cards: Sequence[Card]


@dataclass(frozen=True)
class Fold:
    """Blocks that are shown when a reader opens them."""

    title: str
    blocks: Sequence["Block"]


@dataclass(frozen=True)
class Code:
    """Text as it is, such as settings or a command."""

    text: str


Block = Text | Table | Chart | Picture | SideBySide | Fold | Code


@dataclass(frozen=True)
class Section:
    """A section: its name is the anchor in the page, its title stands in the contents.

    A click on a name in one of its charts highlights the same name in its other charts.
    """

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
