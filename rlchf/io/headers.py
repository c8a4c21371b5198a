"""The names of a table's columns, and what we call them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rlchf.display import listing
from rlchf.io.columns import Table
from rlchf.options import listed, meant

Columns = str | Mapping[str, str]
"""What users call their columns: ours=theirs pairs, as text or as a mapping."""


@dataclass(frozen=True)
class Header:
    """Which columns of a table are read, and as what.

    Attributes
    ----------
    renamed
        Our name by the table's own, for each column that is read.
    hidden
        Columns that are not read although they have one of our names, because another has it.
    """

    renamed: Mapping[str, str]
    hidden: frozenset[str] = frozenset()

    def names(self, names: Sequence[str]) -> list[str]:
        """The names of all columns, ours where we have one."""
        return [self.renamed.get(name, name) for name in names if name not in self.hidden]

    def apply(self, table: Table) -> Table:
        """The columns that are read, under our names."""
        columns = {ours: table.columns[theirs] for theirs, ours in self.renamed.items()}
        return replace(table, columns=columns, names=self.names(table.names))


def parsed_columns(columns: Columns | None, known: Collection[str]) -> dict[str, str]:
    """Read ``ours=theirs,...``; their names may have commas and equals signs.

    Raises
    ------
    ValueError
        If a pair lacks a side, one of ours is unknown or is given twice.

    Examples
    --------
    >>> parsed_columns("prompt_id=Which tea, and why?,score=x=y", ["prompt_id", "score"])
    {'prompt_id': 'Which tea, and why?', 'score': 'x=y'}
    """
    if columns is None or columns == "":
        return {}
    pairs = list(_pairs(columns, known)) if isinstance(columns, str) else list(columns.items())
    renaming: dict[str, str] = {}
    for ours, theirs in pairs:
        if ours not in known:
            raise ValueError(
                f"columns: there is no column {ours!r} of ours; choose from "
                f"{listed(sorted(known), ours)}"
            )
        if ours in renaming:
            raise ValueError(f"columns: {ours!r} is given twice; give it once")
        if not isinstance(theirs, str):
            raise ValueError(f"columns: {ours} is {theirs!r}; give the name of a column")
        renaming[ours] = theirs.strip()
    return renaming


def _pairs(text: str, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Split at the commas that one of our names and an equals sign follow."""
    parts: list[str] = []
    for part in text.split(","):
        name = part.partition("=")[0].strip()
        if parts and name not in known and ("=" not in part or not meant(name, known)):
            parts[-1] += "," + part
        else:
            parts.append(part)
    for part in parts:
        ours, equals, theirs = part.partition("=")
        if not equals:
            raise ValueError(
                f"columns: {part!r} lacks a name; write ours=theirs, such as prompt_id=question_id"
            )
        yield ours.strip(), theirs


def folded(name: str) -> str:
    """A column's name without case, blanks, hyphens and underscores.

    Examples
    --------
    >>> folded("Prompt ID"), folded("prompt-id"), folded("promptId")
    ('promptid', 'promptid', 'promptid')
    """
    return "".join(letter for letter in name.lower() if letter not in " -_\t")


def header(
    names: Sequence[str],
    known: Collection[str],
    given: Mapping[str, str],
    aliases: Mapping[str, Sequence[str]],
    source: str,
) -> Header:
    """Find our columns among a table's.

    Parameters
    ----------
    names
        The table's columns.
    known
        Our columns that are looked for.
    given
        Names that the user gave; an empty one says that there is no such column.
    aliases
        Other names of ours, the first of which that is there is taken.

    Raises
    ------
    ValueError
        If a name that was given is not there, or several columns could be one of ours.

    Examples
    --------
    >>> header(["Prompt ID", "user"], ["prompt_id", "annotator_id"], {"annotator_id": "user"}, {}, "table")
    Header(renamed={'user': 'annotator_id', 'Prompt ID': 'prompt_id'}, hidden=frozenset())
    """
    renamed: dict[str, str] = {}
    by_fold: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        by_fold.setdefault(folded(name), []).append(name)
    for ours, theirs in given.items():
        if theirs:
            name = _named(theirs, ours, names, by_fold, source)
            if name in renamed:
                raise ValueError(
                    f"columns: {name!r} is given for {renamed[name]} and for {ours}; give it once"
                )
            renamed[name] = ours
    for ours in known:
        if ours in given:
            continue
        for alias in (ours, *aliases.get(ours, ())):
            fits = [name for name in by_fold.get(folded(alias), []) if name not in renamed]
            if len(fits) > 1:
                raise ValueError(
                    f"{source}: the columns {' and '.join(map(repr, fits))} could both be {ours}; say "
                    f"which is meant with --columns {ours}={fits[0]}, or rename one of them"
                )
            if fits:
                renamed[fits[0]] = ours
                break
    hidden = {name for name in names if name not in renamed and name in {*known, *given}}
    return Header(renamed, frozenset(hidden))


def _named(
    theirs: str, ours: str, names: Sequence[str], by_fold: Mapping[str, list[str]], source: str
) -> str:
    """The column that a user named, in any case if that is clear."""
    if theirs in names:
        return theirs
    fits = by_fold.get(folded(theirs), [])
    if len(fits) == 1:
        return fits[0]
    guess = meant(theirs, names)
    raise ValueError(
        f"{source}: there is no column {theirs!r} for {ours}; found {listing(names)}"
        f"{guess and f'; {guess}'}"
    )
