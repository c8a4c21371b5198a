"""The sections of a docstring as numpydoc has them."""

import inspect
import re

_HEADING = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.M)


def sections(documented: object) -> dict[str, str]:
    """The text of each section of a docstring; that before all headings has the name "".

    Examples
    --------
    >>> def f():
    ...     '''Do it.
    ...
    ...     Returns
    ...     -------
    ...     Nothing.
    ...     '''
    >>> sections(f)
    {'': 'Do it.', 'Returns': 'Nothing.'}
    """
    first, *rest = _HEADING.split(inspect.getdoc(documented) or "")
    named = zip(rest[::2], rest[1::2], strict=True)
    return {"": first.strip()} | {name: text.strip("\n") for name, text in named}


def entries(text: str) -> dict[str, str]:
    """The entries of a section: a name, or several with commas, and the indented text below it.

    Examples
    --------
    >>> entries("order, seed\\n    In which order.\\nk\\n    A number.")
    {'order': 'In which order.', 'seed': 'In which order.', 'k': 'A number.'}
    """
    return {name: meaning for names, meaning in grouped(text) for name in names}


def grouped(text: str) -> list[tuple[list[str], str]]:
    """The entries of a section as the docstring groups them: the names, and what is said of them."""
    blocks = (block.partition("\n") for block in re.split(r"\n+(?=\S)", text))
    return [
        ([name.strip() for name in names.split(",")], inspect.cleandoc(meaning))
        for names, _, meaning in blocks
    ]
