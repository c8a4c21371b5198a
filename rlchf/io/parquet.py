"""Parquet files, and other tables of typed columns."""

from collections.abc import Collection
from typing import Any

import pyarrow as pa

from rlchf.io.columns import IDS, Table, as_text


def read_parquet(data: bytes, source: str, wanted: Collection[str] | None) -> Table:
    """Read the wanted columns; rows count from 1."""
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(pa.BufferReader(data))
        names = list(file.schema_arrow.names)
        table = file.read(columns=[name for name in names if wanted is None or name in wanted])
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{source}: cannot be read as Parquet: {error}") from None
    return from_arrow(table, source, names, all_text=wanted is None)


def from_arrow(table: Any, source: str, names: list[str], all_text: bool = False) -> Table:
    """Make a table of a pyarrow table; ids of any plain type become text, and so does all if asked for.

    Examples
    --------
    >>> table = from_arrow(pa.table({"prompt_id": [7], "rank": [1]}), "votes", ["prompt_id", "rank"])
    >>> table.texts("prompt_id"), table.values("rank"), table.row(0)
    (['7'], [1], 'row 1')
    """
    if table.num_rows == 0:
        raise ValueError(f"{source}: there is no row in it")
    columns = {}
    for name in table.column_names:
        try:
            columns[name] = _plain(table[name], text=name in IDS or all_text)
        except pa.ArrowException:
            raise ValueError(
                f"{source}: the column {name!r} has type {table[name].type}; give text or numbers"
            ) from None
    return Table(source, columns, names, lambda i: f"row {i + 1}")


def _plain(column: Any, text: bool) -> Any:
    """Numbers as they are unless text is asked for, lists as a plain list, all else as text."""
    kinds = pa.types
    if kinds.is_list(column.type) or kinds.is_large_list(column.type):
        if text:
            raise pa.ArrowInvalid("a list is no text")
        return column.to_pylist()
    number = kinds.is_integer(column.type) or kinds.is_floating(column.type)
    return column if number and not text else as_text(column)
