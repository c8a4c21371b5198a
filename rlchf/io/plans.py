"""Which format a table has, and which of its columns are read as what."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace

from rlchf.io.columns import LISTS, Table
from rlchf.io.formats import Format, formats, known_columns
from rlchf.io.headers import Header, folded, header
from rlchf.io.looks import unknown_shape
from rlchf.io.patterns import selected

AUTO = "auto"
TEXTS = ("prompt", "response_a", "response_b")
"""Columns of long texts, which are read by the formats that name them only."""


@dataclass(frozen=True)
class Plan:
    """The format of a table, and its columns."""

    format: Format
    header: Header


@dataclass(frozen=True)
class Reading:
    """What a user said about the shape of a table.

    Attributes
    ----------
    format
        The name of a format, or "auto".
    given
        The user's names of our columns.
    """

    format: str
    given: Mapping[str, str]

    @property
    def lists(self) -> list[str]:
        """Names of columns that may hold lists."""
        return [theirs for ours, theirs in self.given.items() if ours in LISTS]

    def planned(
        self, source: str, names: Sequence[str], parse: Callable[[Container[str] | None], Table]
    ) -> tuple[Plan, Table]:
        """Parse a table and find its format.

        Parameters
        ----------
        names
            The columns that the source is known to have before it is parsed, possibly none or not all.
        parse
            A function from the columns to be read, None for all, to the table.

        Raises
        ------
        ValueError
            If the table has no format that we know, or several, or lacks a column that the user named.
        """
        try:
            wanted: Container[str] | None = set(self.plan(source, names).header.renamed)
        except ValueError:  # which is raised again below, if the table can be parsed
            wanted = self.everything()
        table = parse(wanted)
        try:
            plan = self.plan(table.source, table.names)
        except UnknownShapeError as error:
            raise ValueError(unknown_shape(error.source, error.names, parse)) from None
        if not set(plan.header.renamed) <= set(table.columns):
            table = parse(None if plan.format.others else self.everything())
        return plan, table

    def plan(self, source: str, names: Sequence[str]) -> Plan:
        """Find the format and the columns of a table by the names of its columns."""
        patterns = {format.pattern for format in formats().values() if format.pattern}
        plain = {ours: theirs for ours, theirs in self.given.items() if ours not in patterns}
        header(names, (), plain, {}, source)  # refuses names that are not there
        format = self._recognised(source, names)
        for ours in self.given:
            if ours not in (*format.known, format.pattern):
                raise ValueError(
                    f"{source}: columns names {ours}, but the format {format.name!r} has no such "
                    f"column; it has {', '.join(filter(None, [*format.known, format.pattern]))}"
                )
        columns = header(names, format.known, plain, format.aliases, source)
        if format.others is None:
            known = known_columns() - {*TEXTS}
            kept = {n: n for n in names if n in known and n not in columns.hidden}
            return Plan(format, replace(columns, renamed={**kept, **columns.renamed}))
        rest = [name for name in names if name not in columns.renamed and name]
        pattern = self.given.get(format.pattern)
        others = selected(rest, pattern, source) if pattern else format.others(rest)
        for theirs, ours in others.items():
            if ours in columns.renamed.values():
                raise ValueError(
                    f"{source}: by {pattern!r} {theirs!r} would be {ours!r}, which is another column of "
                    "ours; choose a pattern with less for the star"
                )
        return Plan(format, replace(columns, renamed={**columns.renamed, **others}))

    def _recognised(self, source: str, names: Sequence[str]) -> Format:
        if self.format != AUTO:
            return formats()[self.format]
        named = {folded(theirs) for theirs in self.given.values()}  # and mean something else
        folds = {folded(name) for name in names} - named
        present = {format.name: self._present(format, folds) for format in formats().values()}
        fits = [format for format in formats().values() if format.fits(present[format.name])]
        marks = {format.name: set(format.marks) & present[format.name] for format in fits}
        best = [one for one in fits if not any(marks[one.name] < marks[two.name] for two in fits)]
        if len(best) == 1:
            return best[0]
        if best:
            choices = " or ".join(f"format={format.name!r}" for format in best)
            raise ValueError(
                f"{source}: the columns fit several formats; say which is meant, {choices}"
            )
        raise UnknownShapeError(source, names)

    def _present(self, format: Format, folds: set[str]) -> set[str]:
        """The columns of a format that a table with these names, folded, has."""
        return {
            ours
            for ours in (*format.known, *format.unless)
            if (
                self.given[ours]
                if ours in self.given
                else any(folded(name) in folds for name in (ours, *format.aliases.get(ours, ())))
            )
        }

    def everything(self) -> Container[str] | None:
        """The names of all columns that some format reads; None for all columns."""
        if self.format != AUTO and formats()[self.format].others:
            return None
        known = {folded(name) for name in known_columns()}
        for format in formats().values():
            known |= {folded(name) for names in format.aliases.values() for name in names}
        return _Folded(known | {folded(name) for name in self.given.values()})


class UnknownShapeError(ValueError):
    """A table's columns fit no format."""

    def __init__(self, source: str, names: Sequence[str]) -> None:
        super().__init__(f"{source}: the columns {', '.join(names)} fit no format")
        self.source, self.names = source, list(names)


@dataclass(frozen=True)
class _Folded(Container[str]):
    """Names that are the same as some known ones but for case, blanks, hyphens and underscores."""

    known: set[str]

    def __contains__(self, name: object) -> bool:
        return folded(str(name)) in self.known
