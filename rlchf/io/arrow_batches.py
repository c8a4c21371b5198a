"""Batches of Arrow rows from any engine, gathered into one table whose ids are codes."""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from rlchf.io.coding import Codes
from rlchf.io.columns import as_text
from rlchf.io.frames import SOURCE
from rlchf.io.parquet import CODED, is_coded_text
from rlchf.io.plans import Reading

HINT = (
    "give Arrow record batches, or tables with __arrow_c_array__ or __arrow_c_stream__ (pyarrow, polars, "
    "DuckDB, Daft, Ray Data)"
)


def gathered_table(batches: object, reading: Reading) -> Any:
    """All rows of the batches as a pyarrow table; of a long table each batch's ids become codes as it comes.

    Raises
    ------
    TypeError
        If something is no batch.
    ValueError
        If there is no batch, or one has other columns than the first.
    """
    schema: Any = None
    codes: dict[str, Codes] = {}
    others: list[Any] = []
    for n, batch in enumerate(_tables(batches), start=1):
        if schema is None:
            schema = batch.schema
            codes = {name: Codes() for name in _ids_of_long_table(schema.names, reading)}
        elif not batch.schema.equals(schema):
            raise ValueError(
                f"{SOURCE}, batch {n}: the columns are {_described(batch.schema)}, but those of the "
                f"first batch are {_described(schema)}; give batches of one table"
            )
        for name, each in codes.items():
            each.add(batch[name] if is_coded_text(batch[name]) else as_text(batch[name]))
        others.append(batch.select([name for name in schema.names if name not in codes]))
    if schema is None:
        raise ValueError(f"{SOURCE}: there is no batch; {HINT}")
    table = pa.concat_tables(others)
    for name in schema.names:
        if name in codes:
            table = table.append_column(name, codes[name].column())
    return table.select(schema.names) if codes else table


def _tables(batches: object) -> Iterator[Any]:
    """Each batch as a pyarrow table."""
    if hasattr(batches, "__arrow_c_stream__"):
        batches = pa.RecordBatchReader.from_stream(batches)
    if not isinstance(batches, Iterable) or isinstance(batches, str | bytes | dict):
        raise TypeError(f"batches is of type {type(batches).__name__}; {HINT}")
    for n, batch in enumerate(batches, start=1):
        if isinstance(batch, pa.RecordBatch) or hasattr(batch, "__arrow_c_array__"):
            yield pa.Table.from_batches([pa.record_batch(batch)])
        elif hasattr(batch, "__arrow_c_stream__"):
            yield pa.RecordBatchReader.from_stream(batch).read_all()
        else:
            raise TypeError(f"batch {n} is of type {type(batch).__name__}; {HINT}")


def _ids_of_long_table(names: list[str], reading: Reading) -> list[str]:
    """The names of the columns of ids, if the columns are those of a long table and no name comes twice."""
    try:
        plan = reading.plan(SOURCE, names)
    except ValueError:  # which is raised when the table is read
        return []
    if plan.format.name != "long" or len(set(names)) < len(names):
        return []
    return [theirs for theirs, ours in plan.header.renamed.items() if ours in CODED]


def _described(schema: Any) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)
