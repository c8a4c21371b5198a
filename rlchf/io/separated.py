"""Comma- and tab-separated text."""

import csv
import io
import re
from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from rlchf.ids import clean_id
from rlchf.io.cells import (
    blank_rows,
    refuse_half_quoted,
    refuse_headers,
    unquoted,
    unquoted_column,
    warn_of_rows_in_cells,
)
from rlchf.io.columns import IDS, Table, as_text, check_width
from rlchf.io.files import decode, empty_file
from rlchf.io.quotes import (
    NO_CELLS,
    Quotes,
    check_quotes,
    has_strict_quotes,
    line_ends,
    quoted_cells,
)
from rlchf.limits import gib, limit

TAB = "\t"

ONE_BLOCK = 2**20
"""Bytes that one thread reads before a second one could begin."""

BLANKS = ' \t\r\n"'
"""What a blank row may have besides separators."""

_BLANK_LINES = re.compile(rb"(?:[ \t,;]*[\r\n]+)*")


def parse_separated(
    data: bytes, source: str, delimiter: str, wanted: Container[str] | None, before: int = 0
) -> Table:
    """Parse csv (``,``) or tsv (a tab); every cell is text, and only the wanted columns are kept.

    A quoted cell of csv may hold separators and line breaks. Most programs write tsv without quotes, so
    that a cell ends at the next tab or line break. Only where rows then differ in length, and each quote
    that opens a cell is closed at the end of one, is tsv read as csv is.

    ``before`` is added to the numbers of rows: that of the rows before the text in its file.

    Examples
    --------
    >>> table = parse_separated(b"rank,note\\n1,x\\n", "file.csv", ",", ["rank"])
    >>> table.texts("rank"), table.names, table.row(0)
    (['1'], ['rank', 'note'], 'row 2')
    """
    if not data.isascii():
        decode(data, source)  # to refuse what is not UTF-8
    quotes = None if delimiter == TAB else check_quotes(data, source, delimiter, before)
    header = _header(data, source, delimiter)
    check_width(header, source)
    names = [clean_id(unquoted(clean_id(name))) for name in header]
    if len(names) == 1 and any(mark in names[0] for mark in ",;\t|"):
        raise ValueError(
            f"{source}: there is only one column, {names[0]!r}; "
            f"separate columns by {'a tab' if delimiter == TAB else 'commas'}"
        )
    kept = [n for n in dict.fromkeys(names) if n and (wanted is None or n in wanted)]
    for name in kept:
        if names.count(name) > 1:
            raise ValueError(f"{source}: two columns are named {name!r}; keep one of them")
    if not kept:  # nothing to parse; `Table.require` names the columns that exist
        return Table(source, {}, names, "row {}".format)
    text = _Text(data, source, delimiter, len(names), quotes, before)
    text, columns = text.columns({header[names.index(name)]: name for name in kept})
    table = Table(source, columns, names, text.row)
    refuse_headers(table, header)
    if text.quotes is not None and text.quotes.has_breaks:
        warn_of_rows_in_cells(table, delimiter)
    return table


def _header(data: bytes, source: str, delimiter: str) -> list[str]:
    """The cells of the first line that is not blank."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    longest = limit("RLCHF_MAX_LINE")
    before = csv.field_size_limit(longest)
    try:
        for cells in csv.reader(
            text,
            delimiter=delimiter,
            quoting=csv.QUOTE_NONE if delimiter == TAB else csv.QUOTE_MINIMAL,
        ):
            if any(map(str.strip, cells)):
                return cells
    except csv.Error as error:
        if "field larger" not in str(error):
            raise ValueError(f"{source}: the first row cannot be read: {error}") from None
        raise ValueError(
            f"{source}: the first row has a cell of more than {longest:,} characters; begin with a row of "
            "column names, or set RLCHF_MAX_LINE to allow more"
        ) from None
    finally:
        csv.field_size_limit(before)
    raise empty_file(source)


@dataclass(frozen=True, eq=False)
class _Text:
    """Separated text with ``width`` columns, and what its quotes are like; None if they are not read.

    ``before`` is the number of rows before it in its file.
    """

    data: bytes
    source: str
    delimiter: str
    width: int
    quotes: Quotes | None
    before: int = 0

    def as_quoted(self) -> "_Text | None":
        """The same text with its quotes read, if its rows fit the header then."""
        if self.quotes is not None or not has_strict_quotes(self.data, self.delimiter):
            return None
        quotes = check_quotes(self.data, self.source, self.delimiter, self.before)
        text = replace(self, quotes=quotes)
        return text if text._bad_width() is None else None

    def columns(self, kept: dict[str, str]) -> tuple["_Text", dict[str, Any]]:
        """The text as it was read, and the columns to keep.

        ``kept`` has their names in the header with the names that they get.
        """
        start = _BLANK_LINES.match(self.data).end()  # type: ignore[union-attr]
        block = ONE_BLOCK
        while True:
            try:
                parsed = self._parse(pa.py_buffer(self.data).slice(start), kept, block)
                break
            except (pa.ArrowException, KeyError) as error:
                if self._bad_width() is not None and (quoted := self.as_quoted()):
                    return quoted.columns(kept)
                self._refuse_width()
                if "straddling" not in str(error):
                    raise ValueError(
                        f"{self.source}: cannot be read as separated text: {error}"
                    ) from None
                longest = limit("RLCHF_MAX_LINE")
                if block >= min(longest, len(self.data) + 2):
                    raise ValueError(
                        f"{self.source}: a row is longer than {gib(longest)}; a quote that is never closed "
                        "makes such rows; else set RLCHF_MAX_LINE to allow more"
                    ) from None
                block = min(16 * block, longest)  # a row is longer than a block
        columns = {name: parsed[raw] for raw, name in kept.items()}
        columns = self._without_blank_rows(columns)
        if len(next(iter(columns.values()))) == 0:
            raise ValueError(f"{self.source}: there is no row below the header")
        if self.quotes is None and b'"' in self.data:
            refuse_half_quoted(Table(self.source, columns, list(columns), self.row))
            columns = {name: unquoted_column(c, after_blank=False) for name, c in columns.items()}
        elif self.quotes is not None and self.quotes.is_literal:
            columns = {name: unquoted_column(c, after_blank=True) for name, c in columns.items()}
        return self, columns

    def _parse(self, buffer: Any, kept: dict[str, str], block: int) -> Any:
        # Ids as codes: a million rows share a few thousand texts.
        codes = pa.dictionary(pa.int32(), pa.string())
        return pyarrow.csv.read_csv(
            pa.BufferReader(buffer),
            read_options=pyarrow.csv.ReadOptions(use_threads=len(buffer) > block, block_size=block),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self.delimiter,
                quote_char=False if self.quotes is None else '"',
                newlines_in_values=bool(self.quotes and self.quotes.has_breaks),  # costs time
                invalid_row_handler=lambda row: "error" if self._is_row(row.text) else "skip",
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={r: codes if n in IDS else pa.string() for r, n in kept.items()},
                include_columns=list(kept),
                null_values=[],
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )

    def _is_row(self, line: str) -> bool:
        return bool(line.strip(BLANKS + self.delimiter))

    def _without_blank_rows(self, columns: dict[str, Any]) -> dict[str, Any]:
        """The columns without rows of separators only, which spreadsheets write below the last row."""
        literal = self.quotes is None or self.quotes.is_literal  # quotes that were not read
        blank = blank_rows(columns.values(), quotes=literal)
        if len(blank) and len(columns) < self.width:  # the other columns may have something
            _, cells, texts = self._lines
            parsed_lines = np.flatnonzero((cells == self.width) & (texts >= 0))[1:]
            blank = blank[texts[parsed_lines[blank]] == 0]
        if len(blank) == 0:
            return columns
        kept = np.ones(len(next(iter(columns.values()))), dtype=bool)
        kept[blank] = False
        mask = pa.array(kept)
        return {  # as text, since the codes have one of no text
            name: as_text(column.filter(mask)) for name, column in columns.items()
        }

    def _bad_width(self) -> int | None:
        """The first line that has more or fewer cells than the header, counted from 0."""
        _, cells, texts = self._lines
        bad = np.flatnonzero((texts > 0) & (cells != self.width))
        return int(bad[0]) if len(bad) else None

    def _refuse_width(self) -> None:
        i = self._bad_width()
        if i is None:
            return
        ends, cells, _ = self._lines
        line = self.data[ends[i - 1] + 1 if i else 0 : ends[i]]
        hint = "put a cell that contains the separator in double quotes"
        if cells[i] > self.width and _has_late_quote(line, self.delimiter):
            hint = "remove the blank before the double quote that opens a cell"
        raise ValueError(
            f"{self.source}, row {self.before + i + 1}: {cells[i]} cells, but the header has {self.width}; "
            f"{hint}"
        )

    @cached_property
    def _lines(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Each line's end, number of cells, and number of characters that are no blank, quote or separator.

        The last is -1 for a line without any character.
        """
        array = np.frombuffer(self.data, np.uint8)
        opens, closes = NO_CELLS
        if self.quotes is not None:
            opens, closes = quoted_cells(self.data, self.delimiter)
        ends = line_ends(self.data, opens, closes)
        if len(ends) == 0 or ends[-1] < len(array) - 1:
            ends = np.append(ends, len(array))
        separators = np.flatnonzero(array == ord(self.delimiter))
        within = np.searchsorted(opens, separators) > np.searchsorted(closes, separators)
        cells = np.diff(np.searchsorted(separators[~within], ends), prepend=0) + 1
        starts = np.append(0, ends[:-1] + 1)
        is_text = np.ones(256, dtype=np.int8)
        is_text[[ord(character) for character in BLANKS + self.delimiter]] = 0
        texts = np.add.reduceat(np.append(is_text[array], np.int8(0)), starts, dtype=np.int64)
        lengths = ends - starts - (np.append(array, 0)[np.maximum(ends - 1, 0)] == ord("\r"))
        texts[lengths <= 0] = -1
        return ends, cells, texts

    def row(self, i: int) -> str:
        """Name row ``i`` below the header by its number in a spreadsheet."""
        number = self._numbers[i + 1] if i + 1 < len(self._numbers) else i + 2
        return f"row {self.before + number}"

    @cached_property
    def _numbers(self) -> np.ndarray:
        """The numbers of the lines that are not blank, the header's first."""
        return np.flatnonzero(self._lines[2] > 0) + 1


def _has_late_quote(line: bytes, delimiter: str) -> bool:
    """Whether a cell begins with a blank and a quote, which do not quote it."""
    return re.search(rb"(?:^|" + re.escape(delimiter.encode()) + rb')[ \t]+"', line) is not None
