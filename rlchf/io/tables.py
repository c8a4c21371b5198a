"""Tables of any kind, in and out: csv, tsv, parquet, jsonl and others."""

import csv
import io
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from rlchf.io.atomic import atomic_write
from rlchf.io.coding import arrow_column
from rlchf.io.columns import Table
from rlchf.io.files import (
    KINDS,
    STANDARD_STREAM,
    TABLES,
    bare_name,
    display_name,
    empty_file,
    file_kind,
    read_bytes,
)
from rlchf.io.json import write_jsonl
from rlchf.io.json_arrays import parse_json_array
from rlchf.io.jsonl import json_records, parse_jsonl
from rlchf.io.parquet import arrow_reader, parse_arrow, parse_parquet
from rlchf.io.separated import TAB, parse_separated
from rlchf.io.workbooks import SHEET_MARK, parse_workbook
from rlchf.limits import limit

SEPARATORS = {"csv": ",", "tsv": TAB}
SEMICOLON = ";"


def read_table(path: str | Path, wanted: Container[str] | None = None) -> Table:
    """Read a table, all of its columns or the wanted ones among them."""
    file, sheet = split_sheet(path)
    data = read_bytes(file)
    return parse_table(data, display_name(path), file_kind(file, data), wanted, sheet=sheet)


def split_sheet(path: str | Path) -> tuple[str | Path, str]:
    """The path of a file, and the sheet of a workbook that stands behind a # in it.

    Examples
    --------
    >>> split_sheet("votes.xlsx#Round 2"), split_sheet("votes#2.csv")
    (('votes.xlsx', 'Round 2'), ('votes#2.csv', ''))
    """
    file, mark, sheet = str(path).rpartition(SHEET_MARK)
    if mark and KINDS.get(bare_name(file)[1]) == "xlsx" and not Path(path).exists():
        return file, sheet
    return path, ""


def parse_table(
    data: bytes,
    source: str,
    kind: str,
    wanted: Container[str] | None = None,
    *,
    lists: Iterable[str] = (),
    sheet: str = "",
    before: int = 0,
) -> Table:
    """Parse the bytes of a table of any kind.

    Parameters
    ----------
    wanted
        The columns to keep; None keeps all.
    lists
        Further columns that may hold lists, in json and jsonl.
    sheet
        The sheet of a workbook.
    before
        What is added to the numbers of lines or rows of jsonl, csv and tsv in messages, for a text that is
        not the beginning of its file.
    """
    if not data.strip():
        raise empty_file(source)
    if kind == "jsonl":
        return parse_jsonl(data, source, wanted, lists, before)
    if kind == "json":
        return parse_json_array(data, source, wanted, lists)
    if kind == "parquet":
        return parse_parquet(data, source, wanted)
    if kind == "arrow":
        return parse_arrow(data, source, wanted)
    if kind == "xlsx":
        return parse_workbook(data, source, wanted, sheet)
    if kind in SEPARATORS:
        delimiter = separator(data, kind)
        table = parse_separated(data, source, delimiter, wanted, before)
        return replace(table, decimal_comma=True) if delimiter == SEMICOLON else table
    raise ValueError(f"{source}: this is a {kind} file; give a table ({', '.join(KINDS)})")


def column_names(data: bytes, kind: str) -> list[str]:
    """The names of a table's columns, as far as they can be known before it is parsed.

    Those of jsonl are the keys of the first object; none are known of json, of a workbook, and of what is
    broken, which parsing tells better.

    Examples
    --------
    >>> column_names(b"prompt_id, rank\\n7,1\\n", "csv"), column_names(b'{"rank": 1}', "jsonl")
    (['prompt_id', 'rank'], ['rank'])
    """
    names = _first_names(data, kind)
    return names if len(names) <= limit("RLCHF_MAX_COLUMNS") else []


def _first_names(data: bytes, kind: str) -> list[str]:
    try:
        if kind == "parquet":
            import pyarrow.parquet

            return list(pyarrow.parquet.read_schema(pa.BufferReader(data)).names)
        if kind == "arrow":
            with arrow_reader(data) as reader:
                return list(reader.schema.names)
        if kind == "jsonl":
            return list(next(json_records(data, ""), (0, {}))[1])
        if kind in SEPARATORS:
            text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
            rows = csv.reader(text, delimiter=separator(data, kind))
            return [name.strip() for name in next(row for row in rows if any(row))]
    except (ValueError, OSError, csv.Error, StopIteration, pa.ArrowException):
        return []
    return []


def separator(data: bytes, kind: str) -> str:
    """What separates the columns of csv or tsv: in csv a semicolon if the header has no other separator.

    Separators in double quotes do not count.

    Examples
    --------
    >>> separator(b"prompt_id;rank\\n7;1,5\\n", "csv"), separator(b"id,a;b\\n7,1\\n", "csv")
    (';', ',')
    """
    header = data[: 2**16].lstrip().replace(b"\r", b"\n").partition(b"\n")[0]
    header = re.sub(rb'"[^"]*"', b"", header)
    if kind == "csv" and b";" in header and not (b"," in header or b"\t" in header):
        return SEMICOLON
    return SEPARATORS[kind]


def table_format(path: str | Path) -> str:
    """The kind of table that a path asks for by its suffix; standard output gets jsonl.

    Examples
    --------
    >>> table_format("out/aggregated.csv.gz"), table_format("-")
    ('csv', 'jsonl')
    """
    if str(path) == STANDARD_STREAM:
        return "jsonl"
    suffix = bare_name(path)[1]
    if suffix not in TABLES:
        problem = f"unknown suffix '.{suffix}'" if suffix else "no suffix"
        choices = ", ".join(f".{name}" for name in TABLES)
        raise ValueError(
            f"{path}: {problem}; choose from {choices}, followed by .gz or .zst or nothing"
        )
    return suffix


def write_table(path: str | Path, columns: Mapping[str, Any]) -> None:
    """Write columns of equal length as a csv, tsv, parquet or jsonl file, complete or not at all.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> write_table(Path(folder.name) / "t.csv", {"id": ["a", "b"], "score": np.array([1.5, 2.0])})
    >>> print((Path(folder.name) / "t.csv").read_text())
    id,score
    a,1.5
    b,2.0
    <BLANKLINE>
    """
    kind = table_format(path)
    if kind == "parquet":
        import pyarrow.parquet

        with atomic_write(path) as file:
            arrays = {name: arrow_column(cells) for name, cells in columns.items()}
            pyarrow.parquet.write_table(pa.table(arrays), file)
        return
    cells = [c.tolist() if isinstance(c, np.ndarray) else c for c in columns.values()]
    rows = zip(*cells, strict=True)
    if kind == "jsonl":
        write_jsonl(path, (dict(zip(columns, row, strict=True)) for row in rows))
        return
    with atomic_write(path) as file:
        writer = csv.writer(_Lines(file), delimiter=SEPARATORS[kind], lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(rows)


class _Lines:
    """A file of rows that end in LF, for a writer that ends them in CR and LF.

    Only such a writer puts a cell with a CR in quotes, in Python before 3.13.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write(self, row: str) -> None:
        self.file.write((row.removesuffix("\r\n") + "\n").encode())
