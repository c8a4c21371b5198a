"""Pieces of reStructuredText, and files that are written only where their text changes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sphinx.util import rst

OPTION = re.compile(r"(?<![\w`-])--?[a-zA-Z][a-z0-9-]*(?:[ =][A-Z]{2,}(?:=[A-Z]{2,})?)?")


def title(text: str, mark: str = "=") -> str:
    """A heading.

    Examples
    --------
    >>> print(title("Rules"))
    Rules
    =====
    """
    return f"{text}\n{mark * max(len(text), 3)}"


def plain(text: str) -> str:
    r"""Text without markup of its own, in which the options of commands are set as code.

    Examples
    --------
    >>> print(plain("See --help or a*b."))
    See ``--help`` or a\*b.
    """
    parts, end = [], 0
    for hit in OPTION.finditer(text):
        after = "" if text[hit.end() : hit.end() + 1].isspace() else "\\ "
        parts += [rst.escape(text[end : hit.start()]), literal(hit[0]), after]
        end = hit.end()
    return "".join([*parts, rst.escape(text[end:])]).removesuffix("\\ ")


def literal(text: str) -> str:
    """Text set as code."""
    return f"``{text}``" if text.strip() else ""


def indented(text: str, by: int = 3) -> str:
    """The text with blanks before each line that is not empty."""
    return "\n".join(" " * by + line if line else "" for line in text.splitlines())


def directive(name: str, argument: str = "", body: str = "", **options: str) -> str:
    """A directive with its options and its body.

    Examples
    --------
    >>> print(directive("code-block", "console", "$ rlchf rules"))
    .. code-block:: console
    <BLANKLINE>
       $ rlchf rules
    """
    lines = [f".. {name}:: {argument}".rstrip()]
    lines += [f"   :{key.replace('_', '-')}: {value}".rstrip() for key, value in options.items()]
    return "\n".join([*lines, "", indented(body)]) if body else "\n".join(lines)


def table(
    rows: Iterable[Sequence[str]], header: Sequence[str] = (), widths: str = "auto", kind: str = ""
) -> str:
    """A table whose cells hold markup."""
    lines = []
    for row in [header, *rows] if header else rows:
        for n, cell in enumerate(row):
            first, *rest = indented(cell or "\\ ", 4).splitlines()
            lines += [("* - " if n == 0 else "  - ") + first.strip(), *rest]
    options = {"widths": widths} | ({"header_rows": "1"} if header else {})
    if kind:
        options["class"] = kind
    return directive("list-table", "", "\n".join(lines), **options)


def page(*blocks: str) -> str:
    """Blocks of a page, with an empty line between them."""
    return "\n\n".join(block for block in blocks if block) + "\n"


def toctree(names: Iterable[str], **options: str) -> str:
    """The pages below a page."""
    return directive("toctree", "", "\n".join(names), **options)


def write_pages(folder: Path, pages: Mapping[str, str]) -> None:
    """Write the pages, ``{name: text}``, and remove what earlier versions of the code wrote.

    A page whose text stays as it is keeps its time, so that it is not built again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.rst"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
