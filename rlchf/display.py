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


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names in a sentence.

    Examples
    --------
    >>> listed(["borda"]), listed(["borda", "veto", "stv"]), listed(["a", "b", "c"], most=2)
    ('borda', 'borda, veto and stv', 'a, b and 1 more')
    """
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


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


def signed(value: float, digits: int = 3) -> str:
    """A change with its sign; one that rounds to nothing is not negative.

    Examples
    --------
    >>> signed(0.25), signed(-0.25), signed(-0.0001)
    ('+0.250', '-0.250', '+0.000')
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def percent(share: float, none: str = "–") -> str:
    """A share in percent: a whole number, with one decimal where that would round too much away.

    That is below 10 % and near 100 %; 0 % and 100 % are exact.

    Parameters
    ----------
    none
        The text for a share that is not a number.

    Examples
    --------
    >>> percent(0.123), percent(0.0123), percent(0.0), percent(1.0), percent(0.99996), percent(math.nan)
    ('12 %', '1.2 %', '0 %', '100 %', '99.9 %', '–')
    """
    if math.isnan(share):
        return none
    if not 0 < share < 1:
        return f"{100 * share:.0f} %"
    inner = min(max(share, 0.001), 0.999)
    return f"{100 * inner:.{0 if 0.0995 <= inner < 0.985 else 1}f} %"


def percent_with_interval(value: float, low: float, high: float, none: str = "–") -> str:
    """A share in percent with its interval in brackets, if it has one.

    Examples
    --------
    >>> percent_with_interval(0.45, 0.05, 0.52), percent_with_interval(0.45, math.nan, math.nan)
    ('45 % (5.0 to 52 %)', '45 %')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return percent(value, none)
    return f"{percent(value, none)} ({percent(low).removesuffix(' %')} to {percent(high)})"
