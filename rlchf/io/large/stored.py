"""The rows of a dataset as Parquet files, and their ballots part by part."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from rlchf.io.columns import IDS, Table, to_numpy
from rlchf.io.files import damaged_file
from rlchf.io.headers import Header
from rlchf.io.json import parsed_cells
from rlchf.io.large.blocks import is_compressed
from rlchf.io.parquet import from_arrow, is_coded
from rlchf.io.plans import Plan, Reading

FILE, ROW, PROMPT = "rlchf file", "rlchf row", "rlchf prompt"
"""Columns of copied rows: the number of the file, the number of the row in it, and the cleaned prompt id."""
BATCH = 2**16
"""Number of rows that are read at a time."""
BUFFER = 2**20
"""Bytes of a column that are read at a time, so that the size of row groups does not matter."""

PER_PROMPT = ("approvals", "ballots", "comparisons", "long")
"""Formats in which a prompt's rows say all of its ballots."""


class ReadAsAWholeError(ValueError):
    """A file has a format of which no part can be read by itself."""


@dataclass(frozen=True)
class File:
    """A file of the dataset.

    Attributes
    ----------
    name
        The file's name for messages.
    columns
        All of its columns.
    unit
        What its rows are called in messages: "row" or "line".
    json
        Columns whose cells were lists or texts, and are copied as JSON.
    decimal_comma
        Whether its numbers may be written with a comma.
    """

    name: str
    columns: tuple[str, ...]
    unit: str = "row"
    json: tuple[str, ...] = ()
    decimal_comma: bool = False


@dataclass(frozen=True)
class StoredRows:
    """The rows of a dataset in Parquet files.

    Attributes
    ----------
    files
        The files of the dataset.
    reading
        What the user said about their shape.
    stored
        Parquet files with all rows: the files of the dataset themselves, or those with copies of their rows.
    is_copy
        Whether they are copies; these have the columns `FILE`, `ROW` and `PROMPT` in addition.
    """

    files: tuple[File, ...]
    reading: Reading
    stored: tuple[str, ...]
    is_copy: bool = False

    @cached_property
    def plans(self) -> list[Plan]:
        """The format and the columns of each file.

        Raises
        ------
        ValueError
            If a file has no format that is read in parts, or the files are of several.
        """
        plans = [self.reading.plan(file.name, file.columns) for file in self.files]
        for file, plan in zip(self.files, plans, strict=True):
            if plan.format.name not in PER_PROMPT:
                raise ReadAsAWholeError(
                    f"{file.name}: the format {plan.format.name} is read as a whole, and not in "
                    "parts; write the rankings as a long table with rlchf convert"
                )
            if plan.format != plans[0].format:
                raise ValueError(
                    f"{self.files[0].name} is of the format {plans[0].format.name} and {file.name} is of the "
                    f"format {plan.format.name}; give files of one format"
                )
            kinds = [_orders_by(one.header) for one in (plans[0], plan)]
            if kinds[0] != kinds[1]:
                raise ValueError(
                    f"{self.files[0].name} gives {kinds[0]}, but {file.name} {kinds[1]}; give files of one "
                    "kind"
                )
            if "prompt_id" not in plan.header.renamed.values():
                raise ValueError(
                    f"{file.name}: there is no column 'prompt_id'; found {', '.join(file.columns)}"
                )
        return plans

    def columns_of(self, k: int) -> list[str]:
        """The columns of a stored file that are read."""
        if not self.is_copy:
            return list(self.plans[k].header.renamed)
        wanted = {name for plan in self.plans for name in plan.header.renamed}
        present = pyarrow.parquet.read_schema(self.stored[k]).names
        return [name for name in present if name in wanted or name in (FILE, ROW)]

    def prompt_column(self, k: int) -> str:
        """The column of a stored file with the ids of the prompts."""
        if self.is_copy:
            return PROMPT
        return next(t for t, ours in self.plans[k].header.renamed.items() if ours == "prompt_id")

    @cached_property
    def starts(self) -> np.ndarray:
        """(F + 1,) the number of the first row of each stored file."""
        rows = [opened(path).metadata.num_rows for path in self.stored]
        return np.cumsum([0, *rows])

    def pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, Any]]:
        """Rows from one number to another: the stored file, the first row in it, and an Arrow table."""
        for k in range(len(self.stored)):
            first, last = int(self.starts[k]), int(self.starts[k + 1])
            low, high = max(start, first) - first, min(stop, last) - first
            if low < high:
                for row, table in _rows(
                    self.stored[k], self.columns_of(k), low, high, may_code=not self.is_copy
                ):
                    yield k, row, table

    def tables(self, pieces: Sequence[tuple[int, int, Any]]) -> dict[int, Table]:
        """The rows of some pieces that follow each other as tables under our names, by file."""
        by_file: dict[int, list[tuple[np.ndarray, Any]]] = {}
        for k, first, piece in pieces:
            numbers = np.arange(first, first + len(piece)) + 1
            if not self.is_copy:
                by_file.setdefault(k, []).append((numbers, piece))
                continue
            file_of, row_of = (to_numpy(piece[name]) for name in (FILE, ROW))
            for one in np.unique(file_of).tolist():
                rows = np.flatnonzero(file_of == one)
                part = piece.drop_columns([FILE, ROW])
                part = part if len(rows) == len(piece) else part.take(pa.array(rows))
                by_file.setdefault(one, []).append((row_of[rows], part))
        return {k: self._table(k, parts) for k, parts in sorted(by_file.items())}

    def _table(self, k: int, parts: Sequence[tuple[np.ndarray, Any]]) -> Table:
        file, plan = self.files[k], self.plans[k]
        numbers = np.concatenate([numbers for numbers, _ in parts])
        rows = pa.concat_tables([part for _, part in parts], promote_options="default")
        rows = rows.select([name for name in plan.header.renamed if name in rows.column_names])
        table = from_arrow(rows, file.name, list(file.columns))
        columns: dict[str, Any] = dict(table.columns)
        for name in columns:
            if name in file.json:
                columns[name] = parsed_cells(columns[name])
        for name in set(plan.header.renamed) - set(columns):  # a key that no line of this part has
            columns[name] = pa.chunked_array([pa.array([""] * len(rows))])
        table = replace(
            table,
            columns=columns,
            row=lambda i: f"{file.unit} {int(numbers[i])}",
            decimal_comma=file.decimal_comma,
        )
        return plan.header.apply(table)


def _orders_by(header: Header) -> str:
    names = header.renamed.values()
    if "score" in names:
        return "scores"
    return "approvals without ranks" if {"approval", "approved"} & {*names} else "ranks"


def opened(path: str, coded: Sequence[str] = ()) -> Any:
    """A Parquet file whose columns are read a little at a time.

    Raises
    ------
    ValueError
        If it cannot be read.
    """
    with readable(path):
        return pyarrow.parquet.ParquetFile(path, read_dictionary=list(coded), buffer_size=BUFFER)


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Refuse a Parquet file that turns out to be damaged, or to be something else, in a sentence."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if is_compressed(path):
            raise ValueError(
                f"{path}: cannot be read as Parquet: {str(error).rstrip('.')}; decompress it first, since "
                "Parquet is compressed in itself"
            ) from None
        raise damaged_file(path, "read as Parquet", error) from None


def batches(path: str, columns: Sequence[str]) -> Iterator[Any]:
    """Some columns of a Parquet file, some rows at a time."""
    with readable(path):
        yield from opened(path).iter_batches(BATCH, columns=list(columns), use_threads=False)


def _rows(
    path: str, columns: list[str], low: int, high: int, *, may_code: bool
) -> Iterator[tuple[int, Any]]:
    """Rows ``low`` to ``high`` of a file, some at a time, each time with the number of the first."""
    file = opened(path)
    coded = [name for name in columns if name in IDS and may_code and is_coded(file, name)]
    file = opened(path, coded) if coded else file
    sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
    ends = np.cumsum(sizes)
    groups = np.flatnonzero((ends > low) & (ends - sizes < high)).tolist()
    at = int(ends[groups[0]] - sizes[groups[0]])
    with readable(path):
        for batch in file.iter_batches(BATCH, groups, columns, use_threads=False):
            first, end = max(low, at), min(high, at + len(batch))
            if first < end:
                yield first, pa.Table.from_batches([batch.slice(first - at, end - first)])
            at += len(batch)
