"""The shapes of tables of rankings, one file each.

A module of this folder that defines ``FORMAT`` adds a format: `rlchf.read_rankings`,
`rlchf.Rankings.from_frame` and the command line take it by its name and recognise it by its columns.
A module whose name begins with an underscore holds what several formats share.
"""

import importlib
import pkgutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from rlchf.entries import Entries
from rlchf.io.columns import IDS, Table
from rlchf.options import listed


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
    read
        A function from a table, and how to read responses that a ballot leaves out ("missing" or
        "last"), to the entries of the ballots.
    unless
        Columns beside which the marks mean another format.
    by_pair
        Whether a row is a ballot of two responses, so that an annotator may have several on a prompt.
    together
        Whether a table of this shape has all marks; by default one is enough.
    named
        Whether the format is never recognised, because its columns could mean something else too, and so
        must be named.
    aliases
        Other names of its columns, in the order in which they are looked for.
    others
        A function from the names of all other columns to those that are read besides, each with the name
        that ``read`` knows it by.
    pattern
        The name by which a user says which columns these are, as in ``responses=Q5_*``.
    """

    name: str
    shape: str
    columns: tuple[str, ...]
    marks: tuple[str, ...]
    read: Callable[[Table, str], Entries]
    unless: tuple[str, ...] = ()
    by_pair: bool = False
    together: bool = False
    named: bool = False
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others: Callable[[Sequence[str]], Mapping[str, str]] | None = None
    pattern: str = ""

    @property
    def known(self) -> tuple[str, ...]:
        """All columns that it reads by name."""
        return tuple(dict.fromkeys(["prompt_id", "annotator_id", "weight", *self.columns]))

    def fits(self, names: Collection[str]) -> bool:
        """Whether a table with these columns is of this shape, as far as one can tell."""
        if self.named or set(self.unless) & set(names):
            return False
        marks = set(self.marks)
        return marks <= set(names) if self.together else bool(marks & set(names))


@cache
def formats() -> dict[str, Format]:
    """The formats by their names.

    Examples
    --------
    >>> formats()["long"].marks
    ('rank', 'score')
    """
    names = sorted(
        module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")
    )
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    for module in modules:
        if not isinstance(getattr(module, "FORMAT", None), Format):
            raise ValueError(f"{module.__file__} defines no FORMAT, so it is no format of rankings")
    return {module.FORMAT.name: module.FORMAT for module in modules}


def known_columns() -> set[str]:
    """All columns that some format reads."""
    return {*IDS, "weight", *(name for format in formats().values() for name in format.columns)}


def known_names() -> set[str]:
    """All names that users may map to columns of theirs."""
    return known_columns() | {format.pattern for format in formats().values() if format.pattern}


def check_format(name: str, *others: str) -> None:
    """Refuse a name that is neither "auto" nor that of a format, nor one of the others."""
    choices = ["auto", *formats(), *others]
    if name not in choices:
        raise ValueError(f"unknown format {name!r}; choose from {listed(choices, name)}")
