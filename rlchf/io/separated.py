"""Comma- and tab-separated text."""

import csv
import io
from collections.abc import Callable, Container, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from rlchf.io.columns import IDS, Table, to_numpy
from rlchf.io.files import decode

TAB = "\t"

ONE_BLOCK = 2**20
"""Bytes that one thread reads before a second one could begin."""


def parse_separated(
    data: bytes, source: str, delimiter: str, wanted: Container[str] | None
) -> Table:
    """Parse csv (``,``) or tsv (a tab); every cell is text, and only the wanted columns are kept.

    Examples
    --------
    >>> table = parse_separated(b"rank,note\\n1,x\\n", "file.csv", ",", ["rank"])
    >>> table.texts("rank"), table.names, table.row(0)
    (['1'], ['rank', 'note'], 'row 2')
    """
    if not data.isascii():
        decode(data, source)  # to refuse what is not UTF-8
    header = next((record for _, record in _records(data, delimiter)), [])
    if not header:
        raise ValueError(f"{source}: the file is empty")
    names = [name.strip() for name in header]
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
    raw = [header[names.index(name)] for name in kept]
    parsed = _parse(data, source, delimiter, dict(zip(raw, kept, strict=True)), len(names))
    parsed = _without_blank_rows(parsed, data, delimiter, len(names))
    if len(parsed) == 0:
        raise ValueError(f"{source}: there is no row below the header")
    columns = {name: parsed[column] for name, column in zip(kept, raw, strict=True)}
    return Table(source, columns, names, _row_names(data, delimiter))


def _parse(data: bytes, source: str, delimiter: str, kept: dict[str, str], width: int) -> Any:
    # Ids as codes: a million rows share a few thousand texts.
    codes = pa.dictionary(pa.int32(), pa.string())
    blank = f' \t\r\n"{delimiter}'
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(data),
            read_options=pyarrow.csv.ReadOptions(use_threads=len(data) > ONE_BLOCK),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=b'"' in data,  # costs time, and only a quoted cell has them
                invalid_row_handler=lambda row: "error" if row.text.strip(blank) else "skip",
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={r: codes if n in IDS else pa.string() for r, n in kept.items()},
                include_columns=list(kept),
                null_values=[],
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid as error:
        for number, record in _records(data, delimiter):
            if len(record) != width:
                raise ValueError(
                    f"{source}, row {number}: {len(record)} cells, but the header has {width}; "
                    "put a cell that contains the separator in double quotes"
                ) from None
        raise ValueError(f"{source}: cannot be parsed: {error}") from None


def _records(data: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records that are not blank, with their row numbers as a spreadsheet shows them."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    try:
        for number, record in enumerate(csv.reader(text, delimiter=delimiter), start=1):
            if any(map(str.strip, record)):
                yield number, record
    except csv.Error:  # a cell longer than Python's reader takes
        return


def _without_blank_rows(parsed: Any, data: bytes, delimiter: str, width: int) -> Any:
    """A table without the rows of separators only, which spreadsheets write below the last one."""
    blank = np.ones(len(parsed), dtype=bool)
    for column in parsed.columns:
        blank &= _blank_cells(column)
        if not blank.any():
            return parsed
    if parsed.num_columns < width:  # the other columns may have something
        others = np.array(_is_blank_record(data, delimiter, width))
        if len(others) != len(blank):  # a cell longer than Python's reader takes
            return parsed
        blank &= others
    kept = parsed.filter(pa.array(~blank))
    text = [  # codes without that of the empty text
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        for column in kept.columns
    ]
    return pa.table(text, names=parsed.column_names)


def _blank_cells(column: Any) -> np.ndarray:
    cells = [
        np.array([not text.strip() for text in chunk.dictionary.to_pylist()], bool)[
            to_numpy(chunk.indices)
        ]
        if pa.types.is_dictionary(column.type)
        else to_numpy(pc.binary_length(pc.utf8_trim_whitespace(chunk))) == 0
        for chunk in column.chunks
    ]
    return np.concatenate(cells) if cells else np.zeros(0, dtype=bool)


def _is_blank_record(data: bytes, delimiter: str, width: int) -> list[bool]:
    """Whether each record below the header has separators only, of those with as many cells."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    try:
        records = [r for r in csv.reader(text, delimiter=delimiter) if len(r) == width]
    except csv.Error:
        return []
    return [not any(map(str.strip, record)) for record in records[1:]]


def _row_names(data: bytes, delimiter: str) -> Callable[[int], str]:
    """A function that names the rows below the header as a spreadsheet numbers them."""
    numbers: list[int] = []

    def name(i: int) -> str:
        if not numbers:  # read again, the first time that a row is named
            numbers.extend(number for number, _ in islice(_records(data, delimiter), 1, None))
        return f"row {numbers[i] if i < len(numbers) else i + 2}"

    return name
