"""The rows of files as Parquet: as they are, or copies of text in blocks."""

import io
from collections.abc import Container, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from rlchf.io.atomic import atomic_folder
from rlchf.io.coding import coded
from rlchf.io.columns import LISTS, Table, as_text
from rlchf.io.files import decode, display_name, empty_file
from rlchf.io.json import cells_as_json
from rlchf.io.large.blocks import blocks, first_row, kind_of, last_row_end, quoting
from rlchf.io.large.stored import FILE, PROMPT, ROW, File, StoredRows, readable
from rlchf.io.plans import Plan, Reading
from rlchf.io.quotes import line_ends, newlines, quoted_cells
from rlchf.io.tables import SEMICOLON, column_names, parse_table, separator

STREAMED = ("csv", "tsv", "jsonl", "parquet")
"""Kinds of files that are read in parts."""
SAMPLE = 2**18
"""Bytes of text from which the shape of a table is told."""


def stored_rows(paths: Sequence[str], reading: Reading, folder: Path, block: int) -> StoredRows:
    """The rows of Parquet files as they are, or copies of those of csv, tsv and jsonl files.

    Parameters
    ----------
    folder
        Where copies are written; complete ones that lie there are taken.
    block
        Bytes of text that are parsed at a time.

    Raises
    ------
    ValueError
        If a file does not hold what it should, or the files are of several kinds.
    """
    kinds = [kind_of(path) for path in paths]
    if set(kinds) == {"parquet"}:
        return StoredRows(tuple(_parquet_file(p, reading) for p in paths), reading, tuple(paths))
    for path, kind in zip(paths, kinds, strict=True):
        if kind not in STREAMED or (kind == "parquet") != (kinds[0] == "parquet"):
            raise ValueError(
                f"{path} is a {kind} file, which is not read in parts beside {paths[0]}; give Parquet files "
                "alone, or csv, tsv and jsonl files"
            )
    target = folder / "rows"
    if not target.exists():
        with atomic_folder(target) as copies:
            for k, (path, kind) in enumerate(zip(paths, kinds, strict=True)):
                for n, table in enumerate(_copied(k, path, kind, reading, block)):
                    pyarrow.parquet.write_table(table, copies / f"{k:05d}-{n:06d}.parquet")
    files, stored = [], []
    for k, (path, kind) in enumerate(zip(paths, kinds, strict=True)):
        mine = [str(copy) for copy in sorted(target.glob(f"{k:05d}-*.parquet"))]
        files.append(_copied_file(path, kind, mine))
        stored += mine
    return StoredRows(tuple(files), reading, tuple(stored), is_copy=True)


def _parquet_file(path: str, reading: Reading) -> File:
    """A Parquet file, whose shape is checked on its first rows."""
    with readable(path):
        file = pyarrow.parquet.ParquetFile(path)
        names = file.schema_arrow.names
        first = next(file.iter_batches(1000), None)
    if first is None:
        raise ValueError(f"{path}: there is no row in it")
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_batches([first]), buffer)
    _planned(buffer.getvalue(), path, "parquet", reading)
    return File(path, tuple(names))


def _planned(data: bytes, path: str, kind: str, reading: Reading) -> Plan:
    """The format and the columns of a table, from its beginning."""
    source = display_name(path)
    plan, _ = reading.planned(
        source,
        column_names(data, kind),
        lambda wanted: parse_table(data, source, kind, wanted, lists=reading.lists),
    )
    return plan


def _copied_file(path: str, kind: str, copies: Sequence[str]) -> File:
    """What the copies of a file say of it; its columns are all that some block has."""
    facts = [pyarrow.parquet.read_schema(copy).metadata for copy in copies]
    names = [name for one in facts for name in _listed(one[b"names"])]
    return File(
        display_name(path),
        tuple(dict.fromkeys(names)),
        "line" if kind == "jsonl" else "row",
        tuple(_listed(facts[0][b"json"])),
        facts[0][b"decimal_comma"] == b"1",
    )


def _listed(text: bytes) -> list[str]:
    return [name for name in text.decode().split("\0") if name]


def _copied(k: int, path: str, kind: str, reading: Reading, block: int) -> Iterator[Any]:
    """The rows of a text file, block by block, as Arrow tables with their numbers and prompts."""
    source, prompt, header = display_name(path), "", b""
    rows, lines = 0, 0  # before the block: a row may have line breaks
    wanted: Container[str] | None = None
    facts = {"json": "", "decimal_comma": "0"}
    is_first, beginning, delimiter = True, b"", ""
    for more in chain(blocks(path, kind, block), [b""]):
        data, beginning = beginning + more, b""
        delimiter = quoting(data, kind) if is_first else delimiter
        head = b"" if kind == "jsonl" or not is_first else first_row(data, delimiter)
        if is_first and more and not data[len(head) :].strip():
            beginning = data  # a header without a row, which could not be parsed by itself
            continue
        if is_first and data:
            some = data[: last_row_end(data[:SAMPLE], delimiter)]
            plan = _planned(some if some[len(head) :].strip() else data, path, kind, reading)
            prompt = _prompt_column(plan, source)
            if kind == "jsonl":
                wanted, facts["json"] = reading.everything(), "\0".join([*LISTS, *reading.lists])
            else:
                header, wanted = head, set(plan.header.renamed)
                facts["decimal_comma"] = str(int(separator(data, kind) == SEMICOLON))
        elif not data.strip(b' \t\r\n,;"'):
            rows, lines = rows + _n_rows(data, kind, delimiter), lines + data.count(b"\n")
            continue
        if not data.isascii():
            decode(data, source, lines)  # to refuse what is not UTF-8
        text, before = (
            (data, 0) if is_first else (header + data, rows - _n_rows(header, kind, delimiter))
        )
        table = parse_table(text, source, kind, wanted, lists=reading.lists, before=before)
        yield _with_positions(k, table, prompt, facts)
        rows, lines = rows + _n_rows(data, kind, delimiter), lines + data.count(b"\n")
        is_first = False
    if is_first:
        raise empty_file(source)


def _n_rows(data: bytes, kind: str, delimiter: str) -> int:
    """The number of rows that end in a text, as those who parse it count them."""
    if kind == "jsonl":
        return data.count(b"\n")
    returns = data.count(b"\r") - data.count(b"\r\n")
    if delimiter and returns and b'"' in data:
        return len(line_ends(data, *quoted_cells(data, delimiter)))
    return len(newlines(data, delimiter)) + returns


def _prompt_column(plan: Plan, source: str) -> str:
    """The table's own name of the column with the ids of prompts."""
    for theirs, ours in plan.header.renamed.items():
        if ours == "prompt_id":
            return theirs
    raise ValueError(
        f"{source}: there is no column 'prompt_id'; found {', '.join(plan.header.renamed)}"
    )


def _with_positions(k: int, table: Table, prompt: str, facts: dict[str, str]) -> Any:
    """A table with the number of its file, those of its rows, and the ids of its prompts."""
    if prompt not in table.columns:
        raise ValueError(f"{table.source}, {table.row(0)}: the prompt_id is empty")
    column = table.columns[prompt]
    ids, codes = coded([column if pa.types.is_dictionary(column.type) else as_text(column)])
    columns = {
        name: cells_as_json(cells if isinstance(cells, list) else cells.to_pylist())
        if name in _listed(facts["json"].encode())
        else cells
        for name, cells in table.columns.items()
    }
    copy = pa.table(
        {
            **columns,
            FILE: np.full(len(codes), k, dtype=np.int32),
            ROW: _row_numbers(table, len(codes)),
            PROMPT: pa.array(ids, pa.string()).take(pa.array(codes)),
        }
    )
    return copy.replace_schema_metadata({**facts, "names": "\0".join(table.names)})


def _row_numbers(table: Table, n: int) -> np.ndarray:
    """(n,) the number of each row in the file."""

    def number(i: int) -> int:
        return int(table.row(i).rpartition(" ")[2])

    if number(n - 1) - number(0) == n - 1:  # no blank line is between
        return np.arange(number(0), number(0) + n)
    return np.array([number(i) for i in range(n)])
