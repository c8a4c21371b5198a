"""Small changes to docstrings on their way to the site."""

import re
from typing import Any

from sphinx.application import Sphinx

from rlchf_site.docstrings import grouped
from rlchf_site.markup import indented

INITIAL = re.compile(r"^(\s*(?:[*-] )*)(?=[A-Z]\. )")
"""The place before an author's initial that begins a line."""


def keep_initials(text: str) -> str:
    r"""Escape initials that begin a line, of which reStructuredText would make a numbered list.

    Examples
    --------
    >>> print(keep_initials("M. Brill, J. Heitzig,\n  E. Elkind, 2025."))
    \M. Brill, J. Heitzig,
      \E. Elkind, 2025.
    """
    kept, in_session = [], False
    for line in text.splitlines():
        in_session = bool(line.strip()) and (in_session or line.lstrip().startswith(">>>"))
        kept.append(line if in_session else INITIAL.sub(r"\1\\", line))
    return "\n".join(kept)


def keep_initials_of_docstring(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Escape the initials in a docstring."""
    lines[:] = keep_initials("\n".join(lines)).split("\n")


def set_attributes(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Set the section on attributes as a list; fields need no entries in the index of their own."""
    if "Attributes" not in lines:
        return
    start = lines.index("Attributes")
    end = next(
        (n - 1 for n in range(start + 2, len(lines)) if lines[n][:3] == "---" and lines[n - 1]),
        len(lines),
    )
    listed = [".. rubric:: Attributes", ""]
    for names, meaning in grouped("\n".join(lines[start + 2 : end]).strip("\n")):
        listed += [", ".join(f"``{one}``" for one in names), *indented(meaning).splitlines(), ""]
    lines[start:end] = listed


def keep_colons(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Put an empty comment before the text of an attribute: napoleon takes a first line "X: Y" for a type."""
    if what in ("attribute", "data", "property") and lines and ":" in lines[0]:
        lines[:0] = ["..", ""]


def shorten_defaults(
    app: Sphinx,
    what: str,
    name: str,
    value: object,
    options: object,
    call: str | None,
    back: str | None,
) -> tuple[str, str | None] | None:
    """Write defaults that Python shows as ``<function f at 0x7f>`` as ``...``, which a signature may hold."""
    return None if call is None else (re.sub(r"<[\w. ]+>", "...", call), back)


def skip_member(
    app: Sphinx, what: str, name: str, value: Any, skip: bool, options: object
) -> bool | None:
    """Leave out what says nothing of itself: the fields of named tuples, and the check of settings."""
    text = getattr(value, "__doc__", None) or ""
    return True if text.startswith("Alias for field") or name == "contradictions" else None
