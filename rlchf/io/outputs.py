"""Outputs of parts of a dataset, joined to that of the whole."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet

from rlchf.io.atomic import atomic_write
from rlchf.io.files import STANDARD_STREAM
from rlchf.io.large.blocks import opened_text
from rlchf.io.large.stored import opened
from rlchf.io.tables import table_format

ROWS_PER_GROUP = 2**20
"""Rows in a row group of the Parquet files that pyarrow writes."""
BLOCK = 2**22
"""Bytes that are copied at a time."""


def join_outputs(parts: Sequence[str | Path], out: str | Path) -> None:
    """Write files of the same kind as ``out`` one after the other, complete or not at all.

    The bytes are those of an output that was written at once. Header rows of csv and tsv but the first are
    left out.

    Raises
    ------
    ValueError
        If a part is of another kind, or has other columns.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in "ab":
    ...     _ = (folder / f"{name}.csv").write_text(f"id\\n{name}\\n")
    >>> join_outputs([folder / "a.csv", folder / "b.csv"], folder / "all.csv")
    >>> (folder / "all.csv").read_text()
    'id\\na\\nb\\n'
    """
    kind = table_format(out)
    for part in parts:
        if table_format(part) != kind:
            raise ValueError(
                f"{part} is no {kind} file, and {out} is to be one; give parts of one kind"
            )
    if kind == "parquet":
        _join_parquet(parts, out)
        return
    with _written(out) as file:
        first_header = b""
        for part in parts:
            with opened_text(str(part)) as stream:
                header = b"" if kind == "jsonl" else _line(stream)
                if first_header and header != first_header:
                    raise ValueError(
                        f"{part}: the columns differ from those of {parts[0]}; give parts of one output"
                    )
                if not first_header:
                    file.write(header)
                first_header = header
                while block := stream.read(BLOCK):
                    file.write(block)


@contextmanager
def _written(out: str | Path) -> Iterator[BinaryIO]:
    """The output; a pipe gets it piece by piece, since all that it gets is there."""
    if str(out) != STANDARD_STREAM or sys.stdout.isatty():
        with atomic_write(out) as file:
            yield file
        return
    sys.stdout.flush()
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def _line(stream: Any) -> bytes:
    """The first line of a stream."""
    line = b""
    while not line.endswith(b"\n") and (byte := stream.read(1)):
        line += byte
    return line


def _join_parquet(parts: Sequence[str | Path], out: str | Path) -> None:
    schema = opened(str(parts[0])).schema_arrow
    for part in parts:
        if opened(str(part)).schema_arrow != schema:
            raise ValueError(
                f"{part}: the columns differ from those of {parts[0]}; give parts of one output"
            )
    with (
        atomic_write(out) as file,
        pyarrow.parquet.ParquetWriter(file, schema) as writer,
    ):
        for group in _groups(parts, schema):
            writer.write_table(group, ROWS_PER_GROUP)


def _groups(parts: Sequence[str | Path], schema: Any) -> Iterator[Any]:
    """All rows in tables of as many rows as a row group has."""
    rest = schema.empty_table()
    for part in parts:
        file = pyarrow.parquet.ParquetFile(part)
        for g in range(file.num_row_groups):
            rest = pa.concat_tables([rest, file.read_row_group(g)])
            while rest.num_rows >= ROWS_PER_GROUP:
                yield rest.slice(0, ROWS_PER_GROUP).combine_chunks()
                rest = rest.slice(ROWS_PER_GROUP)
    if rest.num_rows:
        yield rest.combine_chunks()
