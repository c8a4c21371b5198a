"""Comma- and tab-separated text."""

import csv
import io
from collections.abc import Container, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.csv

from rlchf.io.columns import IDS, Table
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
    if len(parsed) == 0:
        raise ValueError(f"{source}: there is no row below the header")
    columns = {name: parsed[column] for name, column in zip(kept, raw, strict=True)}
    return Table(source, columns, names, lambda i: f"row {_row_number(data, delimiter, i)}")


def _parse(data: bytes, source: str, delimiter: str, kept: dict[str, str], width: int) -> Any:
    # Ids as codes: a million rows share a few thousand texts.
    codes = pa.dictionary(pa.int32(), pa.string())
    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(data),
            read_options=pyarrow.csv.ReadOptions(use_threads=len(data) > ONE_BLOCK),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=b'"' in data,  # costs time, and only a quoted cell has them
                invalid_row_handler=lambda row: "error" if row.text.strip() else "skip",
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
            if len(record) > 1 or (record and record[0].strip()):
                yield number, record
    except csv.Error:  # a cell longer than Python's reader takes
        return


def _row_number(data: bytes, delimiter: str, i: int) -> int:
    below_header = islice(_records(data, delimiter), i + 1, None)
    return next((number for number, _ in below_header), i + 2)
