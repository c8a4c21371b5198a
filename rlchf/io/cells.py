"""Cells of separated text that a quote or a header in the wrong place has spoilt."""

import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rlchf.ids import clean_id
from rlchf.io.columns import IDS, Table, text_array, to_numpy
from rlchf.io.files import shown

NAMING = (*IDS, "ranking")
"""Columns whose cells name something."""

_BLANKS = " \t\r\n\u00a0"
_INNER = r'"((?:[^"]|"")*)"\s*$'
_HALF_QUOTED = r'(?s)^\s*"(?:.*[^"\s])?\s*$'


def unquoted(cell: str) -> str:
    """A cell without the quotes around it, as Excel writes them.

    Examples
    --------
    >>> [unquoted(cell) for cell in ('"a ""b"" c"', '"a" b')]
    ['a "b" c', '"a" b']
    """
    match = re.fullmatch(_INNER, cell.strip())
    return match[1].replace('""', '"') if match else cell


def unquoted_column(column: Any, after_blank: bool) -> Any:
    """A column without the quotes that pyarrow left around cells: all, or those after a blank only.

    In csv a blank before a quote, as in ``, "x"``, makes it a character like others.
    """
    pattern = rf"^\s{'+' if after_blank else '*'}{_INNER}"
    if not len(_rows_where(column, lambda texts: _mask(pc.match_substring(texts, '"')))):
        return column
    if not len(_rows_where(column, lambda texts: _mask(pc.match_substring_regex(texts, pattern)))):
        return column
    column = column.cast(pa.string())
    inner = pc.replace_substring(pc.replace_substring_regex(column, pattern, r"\1"), '""', '"')
    return pc.if_else(pc.match_substring_regex(column, pattern), inner, column)


def blank_rows(columns: Iterable[Any], quotes: bool) -> np.ndarray:
    """The rows of which all columns are blank; with ``quotes`` also those of quotes around nothing."""
    nothing = text_array(["", '""'] if quotes else [""])

    def is_blank(texts: Any) -> np.ndarray:
        return _mask(pc.is_in(pc.utf8_trim(texts, _BLANKS), nothing))

    rows: np.ndarray | None = None
    for column in sorted(columns, key=_n_texts):
        blank = _rows_where(column, is_blank)
        rows = blank if rows is None else np.intersect1d(rows, blank, assume_unique=True)
        if len(rows) == 0:
            break
    return np.zeros(0, dtype=np.int64) if rows is None else rows


def refuse_headers(table: Table, header: Iterable[str]) -> None:
    """Refuse a row that repeats the header.

    Raises
    ------
    ValueError
        If a row has the columns' names for cells; the message names it.
    """
    names = [*header, *table.columns]
    candidates = text_array([mark + name for name in names for mark in ("", "\ufeff")])
    column = min(table.columns.values(), key=_n_texts)
    for row in _rows_where(column, lambda texts: _mask(pc.is_in(texts, candidates))):
        cells = {clean_id(column[int(row)].as_py()) for column in table.columns.values()}
        if cells == set(table.columns):
            raise table.error(
                row,
                "the row repeats the header; if two files are laid end to end, give them as two files, "
                "else remove the row",
            )


def warn_of_rows_in_cells(table: Table, delimiter: str) -> None:
    """Warn of an id or ranking that seems to have taken in rows."""
    width = len(table.names)

    def takes_in_rows(texts: Any) -> np.ndarray:
        breaks = to_numpy(pc.count_substring(texts, "\n"))
        separators = to_numpy(pc.count_substring(texts, delimiter))
        return np.asarray((breaks > 0) & (separators == breaks * (width - 1)))

    for name in set(NAMING) & set(table.columns):
        rows = _rows_where(table.columns[name], takes_in_rows)
        if len(rows):
            cell = table.columns[name][int(rows[0])].as_py()
            warnings.warn(
                f"{table.source}, {table.row(int(rows[0]))}: the {name} {shown(cell)} has line breaks, and "
                "separators as rows have; if it holds rows, a double quote opens the cell by mistake: "
                "remove it",
                stacklevel=4,
            )


def refuse_half_quoted(table: Table) -> None:
    """Refuse an id or ranking of tsv that begins with a quote and does not end with one.

    Raises
    ------
    ValueError
        If there is one; the message names its row.
    """
    for name in set(NAMING) & set(table.columns):
        column = table.columns[name]
        rows = _rows_where(
            column, lambda texts: _mask(pc.match_substring_regex(texts, _HALF_QUOTED))
        )
        if len(rows):
            row = int(rows[0])
            raise table.error(
                row,
                f"the {name} {shown(column[row].as_py())} opens a quote that its cell does not close; "
                "close it, or leave it out, since a cell of tab-separated text ends with its line",
            )


def _n_texts(column: Any) -> int:
    """How many texts a test of a column has to look at."""
    if not pa.types.is_dictionary(column.type):
        return len(column)
    return sum(len(chunk.dictionary) for chunk in column.chunks)


def _mask(booleans: Any) -> np.ndarray:
    return np.asarray(to_numpy(booleans.cast(pa.uint8())) == 1)


def _rows_where(column: Any, test: Callable[[Any], np.ndarray]) -> np.ndarray:
    """The rows whose text passes a test of pyarrow arrays; distinct texts are tested where they are coded."""
    rows, start = [], 0
    for chunk in column.chunks:
        is_coded = pa.types.is_dictionary(chunk.type)
        passed = test(chunk.dictionary if is_coded else chunk)
        if passed.any():
            of_rows = passed[to_numpy(chunk.indices)] if is_coded else passed
            rows.append(start + np.flatnonzero(of_rows))
        start += len(chunk)
    return np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
