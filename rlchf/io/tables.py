"""Tables of any kind, in and out: csv, tsv, parquet and jsonl."""

import csv
import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rlchf.io.atomic import atomic_write
from rlchf.io.columns import Table
from rlchf.io.files import STANDARD_STREAM, TABLES, bare_name, display_name, file_kind, read_bytes
from rlchf.io.json import write_jsonl
from rlchf.io.jsonl import parse_jsonl
from rlchf.io.parquet import parse_parquet
from rlchf.io.separated import TAB, parse_separated

SEPARATORS = {"csv": ",", "tsv": TAB}


def read_table(path: str | Path, wanted: Collection[str] | None = None) -> Table:
    """Read a table, all of its columns or the wanted ones among them."""
    data = read_bytes(path)
    return parse_table(data, display_name(path), file_kind(path, data), wanted)


def parse_table(
    data: bytes, source: str, kind: str, wanted: Collection[str] | None = None
) -> Table:
    """Parse the bytes of a csv, tsv, parquet or jsonl file."""
    if not data.strip():
        raise ValueError(f"{source}: the file is empty")
    if kind == "jsonl":
        return parse_jsonl(data, source, wanted)
    if kind == "parquet":
        return parse_parquet(data, source, wanted)
    if kind in SEPARATORS:
        return parse_separated(data, source, SEPARATORS[kind], wanted)
    raise ValueError(f"{source}: this is a {kind} file; give a table ({', '.join(TABLES)})")


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
            pyarrow.parquet.write_table(pa.table(dict(columns)), file)
        return
    cells = [c.tolist() if isinstance(c, np.ndarray) else c for c in columns.values()]
    rows = zip(*cells, strict=True)
    if kind == "jsonl":
        write_jsonl(path, (dict(zip(columns, row, strict=True)) for row in rows))
        return
    with atomic_write(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, delimiter=SEPARATORS[kind], lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        text.detach()
