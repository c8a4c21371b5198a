"""Tables in memory: DataFrames, lists of dictionaries, dictionaries of columns."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from rlchf.entries import Entries
from rlchf.io.columns import IDS, Table
from rlchf.io.formats import check_format, known_names
from rlchf.io.headers import Columns, parsed_columns
from rlchf.io.jsonl import from_records
from rlchf.io.parquet import CODED, from_arrow
from rlchf.io.plain_rows import plain_columns
from rlchf.io.plans import Plan, Reading

SOURCE = "table"
"""The name of a table in error messages."""


def read_frame(data: object, format: str, unranked: str, columns: Columns | None = None) -> Entries:
    """Read ballots from a table in memory, in any format that a file may have.

    Raises
    ------
    TypeError
        If the data are no table.
    ValueError
        If the table does not hold what it should; the message names the row, counted from 1.
    """
    plan, table = _planned(data, checked_reading(format, columns))
    return plan.format.read(plan.header.apply(table), unranked)


def checked_reading(format: str, columns: Columns | None) -> Reading:
    """What a user says about the shape of a table, checked."""
    check_format(format)
    return Reading(format, parsed_columns(columns, known_names()))


def frame_ballots(
    data: object, reading: Reading, unranked: str, *, plain: bool
) -> Entries | dict[str, Any]:
    """The ballots of a table in memory; the columns of rankings if it is a large one that is ``plain``."""
    plan, table = _planned(data, reading)
    table = plan.header.apply(table)
    if plain and plan.format.name == "long":
        read = plain_columns(table)
        if read is not None:
            return read
    return plan.format.read(table, unranked)


def is_frame(data: object) -> bool:
    """Whether the data have the form of a table.

    Examples
    --------
    >>> is_frame([{"prompt_id": "p"}]), is_frame({"prompt_id": ["p"]}), is_frame(["p"])
    (True, True, False)
    """
    if isinstance(data, Sequence):
        return not isinstance(data, str) and all(isinstance(row, Mapping) for row in data)
    return isinstance(data, Mapping) or hasattr(data, "__arrow_c_stream__")


def id_names(reading: Reading) -> set[str]:
    """Names of a table's columns that hold ids, ours and those that the user gave."""
    return {*IDS, *(theirs for ours, theirs in reading.given.items() if ours in CODED)}


def _planned(data: object, reading: Reading) -> tuple[Plan, Table]:
    if not is_frame(data):
        raise TypeError(
            f"the table is of type {type(data).__name__}; give a DataFrame (pandas, polars, pyarrow, "
            "DuckDB), a list of dictionaries or a dictionary of columns"
        )
    return reading.planned(SOURCE, *_parser(data, reading))


def table_of(data: object, source: str) -> Table:
    """All columns of a table in memory.

    Parameters
    ----------
    source
        What the table is, for messages.

    Raises
    ------
    TypeError
        If the data are no table.

    Examples
    --------
    >>> table_of([{"annotator_id": "ann", "age": 30}], "people").groups("age")
    ['30']
    """
    if not is_frame(data):
        raise TypeError(
            f"the {source} are of type {type(data).__name__}; give a DataFrame, a list of dictionaries or a "
            "dictionary of columns"
        )
    return replace(_parser(data, Reading("auto", {}))[1](None), source=source)


Parse = Callable[[Container[str] | None], Table]
"""A function from the columns to be read, None for all, to the table."""


def _parser(data: Any, reading: Reading) -> tuple[list[str], Parse]:
    """The columns of a table in memory, and what parses it."""
    if hasattr(data, "__arrow_c_stream__"):
        return _arrow_parser(data, reading)
    return _record_parser(
        list(_rows_of_columns(data)) if isinstance(data, Mapping) else data, reading
    )


def _arrow_parser(data: Any, reading: Reading) -> tuple[list[str], Parse]:
    try:
        is_table = isinstance(data, pa.Table)
        table = data if is_table else pa.RecordBatchReader.from_stream(data).read_all()
    except (pa.ArrowException, TypeError, ValueError) as error:
        if hasattr(data, "columns") and hasattr(data, "to_dict"):
            # pandas, objects of several types
            return _record_parser(data.to_dict("records"), reading)
        raise ValueError(f"{SOURCE}: cannot be read through Arrow: {error}") from None
    names = list(table.column_names)

    def parse(wanted: Container[str] | None) -> Table:
        kept = [name for name in names if wanted is None or name in wanted]
        for name in kept:
            if kept.count(name) > 1:
                raise ValueError(f"{SOURCE}: two columns are named {name!r}; keep one of them")
        return from_arrow(table.select(kept), SOURCE, names, ids=id_names(reading))

    return names, parse


def _record_parser(rows: Sequence[Mapping[str, Any]], reading: Reading) -> tuple[list[str], Parse]:
    def parse(wanted: Container[str] | None) -> Table:
        plain = ({str(name): _plain_cell(cell) for name, cell in row.items()} for row in rows)
        table = from_records(enumerate(plain, start=1), SOURCE, wanted, "row", reading.lists)
        if table is None:
            raise ValueError(f"{SOURCE}: there is no row in it")
        return table

    return list(rows[0]) if rows else [], parse


def _rows_of_columns(columns: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        sizes = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"{SOURCE}: the columns differ in length: {sizes}")
    for cells in zip(*columns.values(), strict=True):
        yield dict(zip(columns, cells, strict=True))


def _plain_cell(cell: Any, is_level: bool = False) -> Any:
    """A cell without numpy or pandas types; tuples become lists, and so do sets that are levels.

    Examples
    --------
    >>> _plain_cell((("a",), {"b"})), _plain_cell(np.int64(3))
    ([['a'], ['b']], 3)
    """
    if isinstance(cell, np.generic | np.ndarray):
        cell = cell.tolist()
    if type(cell).__name__ == "NAType":  # pandas' missing value
        return None
    if isinstance(cell, set | frozenset) and is_level:
        cell = sorted(cell, key=str)
    if isinstance(cell, list | tuple):
        return [_plain_cell(each, is_level=True) for each in cell]
    return cell
