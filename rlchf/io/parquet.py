"""Parquet and Arrow files, and other tables of typed columns."""

from collections import Counter
from collections.abc import Container, Iterator
from typing import Any

import pyarrow as pa

from rlchf.io.coding import Codes
from rlchf.io.columns import IDS, LISTS, Table, as_text, check_width
from rlchf.io.files import damaged_file, shown

CODED = ("prompt_id", "annotator_id", "response_id")
LARGE = 200_000
"""Number of rows from which these columns are kept as codes."""
TOGETHER = 2**22
"""Number of rows whose texts are looked up together, which is faster where they are mixed."""
CODED_BYTES = 4
"""Bytes to a row, before compression, up to which a column of texts was written as codes throughout.

A text by itself has four bytes for its length alone.
"""


def parse_parquet(data: bytes, source: str, wanted: Container[str] | None) -> Table:
    """Parse a Parquet file; rows count from 1."""
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(pa.BufferReader(data))
        names = list(file.schema_arrow.names)
        kept = _kept(names, wanted, source)
        coded = [name for name in kept if name in IDS and is_coded(file, name)]
        if coded:
            file = pyarrow.parquet.ParquetFile(pa.BufferReader(data), read_dictionary=coded)
        table = _read(file, kept) if file.metadata.num_rows >= LARGE else file.read(columns=kept)
    except (pa.ArrowException, OSError) as error:
        raise damaged_file(source, "read as Parquet", error) from None
    return from_arrow(table, source, names, all_text=wanted is None)


def _kept(names: list[str], wanted: Container[str] | None, source: str) -> list[str]:
    """The columns to keep, each of which there must be once."""
    check_width(names, source)
    kept = [name for name in names if wanted is None or name in wanted]
    if len(set(kept)) < len(kept):
        twice = next(name for name, number in Counter(kept).items() if number > 1)
        raise ValueError(f"{source}: two columns are named {shown(twice)}; keep one of them")
    return kept


def _read(file: Any, names: list[str]) -> Any:
    """The columns of a large file, of which ids become codes part by part, as texts are large."""
    types = {name: file.schema_arrow.field(name).type for name in names}
    ids = [name for name in names if name in CODED and not pa.types.is_nested(types[name])]
    table = file.read(columns=[name for name in names if name not in ids])
    for name in ids:
        codes = Codes()
        for groups in _row_groups(file, 1 if pa.types.is_dictionary(types[name]) else TOGETHER):
            column = file.read_row_groups(groups, columns=[name])[name]
            codes.add(column if is_coded_text(column) else as_text(column))
        table = table.append_column(name, codes.column())
    return table.select(names)


def _row_groups(file: Any, rows: int) -> Iterator[list[int]]:
    """The numbers of row groups that follow each other, with so many rows together at least."""
    groups: list[int] = []
    n = 0
    for group in range(file.num_row_groups):
        groups.append(group)
        n += file.metadata.row_group(group).num_rows
        if n >= rows:
            yield groups
            groups, n = [], 0
    if groups:
        yield groups


def is_coded(file: Any, name: str) -> bool:
    """Whether a column of texts was written as codes, so that it is read so several times as fast."""
    if file.num_row_groups == 0 or not pa.types.is_string(file.schema_arrow.field(name).type):
        return False
    group = file.metadata.row_group(0)
    parts = [group.column(i) for i in range(group.num_columns)]
    part = next((part for part in parts if part.path_in_schema == name), None)
    return part is not None and bool(part.total_uncompressed_size <= CODED_BYTES * part.num_values)


def parse_arrow(data: bytes, source: str, wanted: Container[str] | None) -> Table:
    """Parse an Arrow file (also called Feather) or a stream of Arrow batches; rows count from 1."""
    try:
        with arrow_reader(data) as reader:
            names = list(reader.schema.names)
            table = reader.read_all().select(_kept(names, wanted, source))
            table.validate(
                full=True
            )  # Arrow trusts its files: a wrong offset would end the process
    except (pa.ArrowException, OSError) as error:
        raise damaged_file(source, "read as Arrow", error) from None
    return from_arrow(table, source, names, all_text=wanted is None)


def arrow_reader(data: bytes) -> Any:
    """A reader of an Arrow file or stream."""
    is_file = data.startswith(b"ARROW1")
    buffer = pa.BufferReader(data)
    return pa.ipc.open_file(buffer) if is_file else pa.ipc.open_stream(buffer)


def from_arrow(
    table: Any,
    source: str,
    names: list[str],
    all_text: bool = False,
    ids: Container[str] = IDS,
) -> Table:
    """Make a table of a pyarrow table; ids of any plain type become text, and so does all if asked for.

    ``ids`` are the names of the columns that hold them.

    Examples
    --------
    >>> table = from_arrow(pa.table({"prompt_id": [7], "rank": [1]}), "votes", ["prompt_id", "rank"])
    >>> table.texts("prompt_id"), table.columns["rank"].to_pylist(), table.row(0)
    (['7'], [1], 'row 1')
    """
    if table.num_rows == 0:
        raise ValueError(f"{source}: there is no row in it")
    columns = {}
    for name in table.column_names:
        try:
            columns[name] = _plain(table[name], name, all_text, is_id=name in ids)
        except pa.ArrowException:
            raise ValueError(
                f"{source}: the column {name!r} has type {table[name].type}; give text or numbers"
            ) from None
    return Table(source, columns, names, lambda i: f"row {i + 1}")


def _plain(column: Any, name: str, all_text: bool, is_id: bool) -> Any:
    """Numbers as they are unless text is asked for, lists as a plain list, ids and all else as text."""
    kinds, text = pa.types, all_text or is_id
    if kinds.is_list(column.type) or kinds.is_large_list(column.type):
        if text and name not in LISTS:
            raise pa.ArrowInvalid("a list is no text")
        return column.to_pylist()
    if is_id and is_coded_text(column):
        return column
    if kinds.is_duration(column.type) and not text:
        raise pa.ArrowInvalid("a duration is no number, though it is written as one")
    number = kinds.is_integer(column.type) or kinds.is_floating(column.type)
    return column if number and not text else as_text(column)


def is_coded_text(column: Any) -> bool:
    """Whether a column is of codes of texts, none of them missing."""
    kinds = pa.types
    is_coded = kinds.is_dictionary(column.type) and kinds.is_string(column.type.value_type)
    return bool(is_coded and column.null_count == 0)
