"""The shapes of tables of rankings, one file each.

A module of this folder that defines ``FORMAT`` adds a format: `rlchf.read_rankings`,
`rlchf.Rankings.from_frame` and the command line take it by its name and recognise it by its columns.
"""

import importlib
import pkgutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache

from rlchf.entries import Entries
from rlchf.io.columns import IDS, Table
from rlchf.options import listed, renaming


@dataclass(frozen=True)
class Format:
    """A shape of a table of rankings.

    Attributes
    ----------
    name
        The name that users write.
    shape
        The columns that it needs besides ``prompt_id`` and ``annotator_id``, in words.
    columns
        All columns that it reads besides ``prompt_id``, ``annotator_id`` and ``weight``.
    marks
        Those of the columns that tell it from the other formats.
    unless
        Columns beside which the marks mean another format.
    read
        A function from a table, and how to read responses that a ballot leaves out ("missing" or
        "last"), to the entries of the ballots.
    """

    name: str
    shape: str
    columns: tuple[str, ...]
    marks: tuple[str, ...]
    read: Callable[[Table, str], Entries]
    unless: tuple[str, ...] = ()

    def fits(self, names: Collection[str]) -> bool:
        """Whether a table with these columns is of this shape."""
        return bool(set(self.marks) & set(names)) and not set(self.unless) & set(names)


@cache
def formats() -> dict[str, Format]:
    """The formats by their names.

    Examples
    --------
    >>> formats()["long"].marks
    ('rank', 'score')
    """
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    for module in modules:
        if not isinstance(getattr(module, "FORMAT", None), Format):
            raise ValueError(f"{module.__file__} defines no FORMAT, so it is no format of rankings")
    return {module.FORMAT.name: module.FORMAT for module in modules}


def known_columns() -> set[str]:
    """All columns that some format reads."""
    return {*IDS, "weight", *(name for format in formats().values() for name in format.columns)}


def check_format(name: str, *others: str) -> None:
    """Refuse a name that is neither "auto" nor that of a format, nor one of the others."""
    choices = ["auto", *formats(), *others]
    if name not in choices:
        raise ValueError(f"unknown format {name!r}; choose from {listed(choices, name)}")


def read_entries(table: Table, format: str, unranked: str) -> Entries:
    """Read the ballots of a table in a format, which "auto" recognises by the columns."""
    shape = _recognised(table) if format == "auto" else formats()[format]
    return shape.read(table, unranked)


def _recognised(table: Table) -> Format:
    """The format whose marks are among a table's columns.

    Raises
    ------
    ValueError
        If that is none or several; the message says what columns the formats have.
    """
    fits = [format for format in formats().values() if format.fits(table.names)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        choices = " or ".join(f"format={format.name!r}" for format in fits)
        raise ValueError(
            f"{table.source}: the columns fit several formats; say which is meant, {choices}"
        )
    *shapes, last = [f"{format.shape} ({format.name})" for format in formats().values()]
    marks = [mark for format in formats().values() for mark in format.marks]
    hint = next(filter(None, (renaming(mark, table.names) for mark in marks)), "")
    raise ValueError(
        f"{table.source}: the columns {', '.join(table.names)} fit no format; besides prompt_id "
        f"and annotator_id there should be {', '.join(shapes)}, or {last}{hint}"
    )
