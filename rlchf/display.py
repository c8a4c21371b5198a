"""How datasets and results look in a notebook."""

from collections.abc import Iterable, Sequence
from html import escape


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
