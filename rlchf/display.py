"""How names, datasets and results look on a terminal and in a notebook."""

import math
import os
import re
from collections.abc import Iterable, Sequence
from html import escape

LONGEST = 4_000
"""Characters of a message, at most."""
LISTED = 40
"""Names in a message, at most."""

_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Characters that move a terminal's cursor, change its state, or reorder its text."""


def in_notebook() -> bool:
    """Whether this runs in a Jupyter notebook: in its kernel, or as a command of one of its cells.

    A kernel asks its commands for colours (FORCE_COLOR) and may give them a terminal, but shows no
    movements of a cursor, and a file to which a cell writes has no use for either.
    """
    return "JPY_PARENT_PID" in os.environ


def printable(text: str, keep: str = "", *, json: bool = False) -> str:
    """A text for a terminal: control characters and marks of direction as their escapes.

    Parameters
    ----------
    keep
        Control characters that stay.
    json
        Whether the text is JSON, and so the escapes are those of JSON.

    Examples
    --------
    >>> print(printable("\\x1b[31mred\\n"))
    \\x1b[31mred\\n
    """
    if text.isascii() and text.isprintable():
        return text

    def escape(hit: re.Match[str]) -> str:
        if hit[0] in keep:
            return hit[0]
        return f"\\u{ord(hit[0]):04x}" if json else ascii(hit[0])[1:-1]

    return _UNSEEN.sub(escape, text)


def clipped(message: str, longest: int = LONGEST) -> str:
    """A message without its middle, if it is too long.

    Examples
    --------
    >>> clipped("a" * 30 + "b" * 30, 20)
    'aaaaaaaaaa ... bbbbbbbbbb'
    """
    half = longest // 2
    return (
        message
        if len(message) <= longest
        else f"{message[:half]} ... {message[len(message) - half :]}"
    )


def listing(names: Iterable[str], most: int = LISTED) -> str:
    """Names in a message, cut where they are long, and counted where they are many.

    Examples
    --------
    >>> listing(["a", "b", "c"]), listing(["a", "b", "c"], most=2)
    ('a, b, c', 'a, b and 1 more')
    """
    names = list(names)
    shown = ", ".join(shortened(name, 100) for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def shortened(text: object, length: int = 60) -> str:
    """Cut a text that is longer than a limit.

    Examples
    --------
    >>> shortened("a > b > c", 5), shortened("p")
    ('a > b...', 'p')
    """
    text = str(text)
    return text if len(text) <= length else text[:length] + "..."


def counted(number: int, noun: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "prompt"), counted(3000, "prompt")
    ('1 prompt', '3,000 prompts')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def html_table(caption: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Make an HTML table of text that may contain any characters.

    Examples
    --------
    >>> print(html_table("Votes", ["ranking"], [["a > b"]]))
    <table><caption>Votes</caption><thead><tr><th>ranking</th></tr></thead>
    <tbody><tr><td>a &gt; b</td></tr></tbody></table>
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(shortened(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>\n"
        f"<tbody>{body}</tbody></table>"
    )


def number(value: float, digits: int = 3) -> str:
    """A number for a table; a dash for none.

    Examples
    --------
    >>> number(0.25), number(float("nan")), number(-0.0001)
    ('0.250', '-', '0.000')
    """
    return "-" if math.isnan(value) else f"{round(value, digits) + 0.0:.{digits}f}"
