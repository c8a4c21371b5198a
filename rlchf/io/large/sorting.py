"""Rows sorted by prompt, in as little memory as is given, by DuckDB."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from rlchf.ids import ENDS
from rlchf.installing import pip_install
from rlchf.io.atomic import atomic_folder
from rlchf.io.large.stored import FILE, PROMPT, ROW, StoredRows

ROWS_PER_FILE = 2**40
"""More rows than a file has."""
NUMBER = "file_row_number"
"""The column in which DuckDB numbers the rows of a file, if the file has no column of that name."""
LEAST = 2**27
"""Bytes without which DuckDB does not begin."""


def sorted_rows(rows: StoredRows, folder: Path, memory: int, threads: int = 0) -> StoredRows:
    """Copies of all rows in which those of each prompt are together.

    Prompts stand in the order in which they first appear, and the rows of each in the order of the files.

    Parameters
    ----------
    folder
        Where the copies and what does not fit into memory are written; complete copies there are taken.
    memory
        Bytes that there are; DuckDB may use half of them.
    threads
        Number of threads; 0 for all cores.

    Raises
    ------
    ValueError
        If DuckDB is not installed, or the disk is full.
    """
    target = folder / "sorted"
    if not target.exists():
        try:
            import duckdb
        except ModuleNotFoundError:
            raise ValueError(
                f"{rows.files[0].name}: the rows of some prompts are not together, and sorting them beyond "
                f"memory needs DuckDB; run {pip_install('duckdb')}, or sort the rows by prompt_id"
            ) from None
        _check_types(rows)
        with atomic_folder(target) as copies, duckdb.connect() as connection:
            connection.execute(
                "SET enable_progress_bar = false"
            )  # which it writes to standard output
            connection.execute(f"SET memory_limit = '{max(memory // 2, LEAST)}B'")
            if threads:
                connection.execute(f"SET threads = {threads}")
            connection.execute(f"SET temp_directory = {_text(str(copies / 'spilled'))}")
            try:
                with interrupts_kept():
                    connection.execute(_query(rows, str(copies / "rows.parquet")))
            except duckdb.Error as error:
                message = str(error).splitlines()[0]
                raise ValueError(f"{rows.files[0].name}: cannot be sorted: {message}") from None
    return StoredRows(rows.files, rows.reading, (str(target / "rows.parquet"),), is_copy=True)


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Raise what a handler of Ctrl-C or SIGTERM raised, of which DuckDB makes a RuntimeError."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    raised: list[BaseException] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {one: handler for one in numbers if callable(handler := signal.getsignal(one))}

    def handle(number: int, frame: FrameType | None) -> None:
        try:
            before[signal.Signals(number)](number, frame)
        except BaseException as error:
            raised.append(error)
            raise

    for one in before:
        signal.signal(one, handle)
    try:
        yield
    except Exception:
        if raised:
            raise raised[0] from None
        raise
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _query(rows: StoredRows, out: str) -> str:
    selected = " UNION ALL BY NAME ".join(_selections(rows))
    prompt, file, row = (_name(name) for name in (PROMPT, FILE, ROW))
    place = f"({file}::BIGINT * {ROWS_PER_FILE} + {row})"
    return (
        f"COPY (WITH picked AS ({selected}), "
        f"firsts AS (SELECT {prompt}, min{place} AS place FROM picked GROUP BY {prompt}) "
        f"SELECT picked.* FROM picked JOIN firsts USING ({prompt}) ORDER BY firsts.place, {place}) "
        f"TO {_text(out)} (FORMAT parquet)"
    )


def _selections(rows: StoredRows) -> Iterator[str]:
    """A query of the rows of each stored file, with where they come from."""
    if rows.is_copy:
        files = ", ".join(map(_path, rows.stored))
        yield f"SELECT * FROM read_parquet([{files}], union_by_name = true)"
        return
    for k, path in enumerate(rows.stored):
        columns = ", ".join(map(_name, rows.columns_of(k)))
        prompt = f"CAST({_name(rows.prompt_column(k))} AS VARCHAR)"
        cleaned = f"nfc_normalize(trim(coalesce({prompt}, ''), {_text(ENDS)}))"
        number, option = f"{NUMBER} + 1", f", {NUMBER} = true"
        if NUMBER in map(str.lower, pyarrow.parquet.read_schema(path).names):
            number, option = "row_number() OVER ()", ""  # which takes one thread
        yield (
            f"SELECT {columns}, {cleaned} AS {_name(PROMPT)}, {k}::INTEGER AS {_name(FILE)}, "
            f"{number} AS {_name(ROW)} FROM read_parquet({_path(path)}{option})"
        )


def _check_types(rows: StoredRows) -> None:
    """Refuse files whose columns differ in type so that one of them would be changed.

    Integers become text as they are, and values become fractions; fractions as text would be other ids.
    """
    if rows.is_copy:
        return
    first: dict[str, tuple[str, Any]] = {}
    for k, path in enumerate(rows.stored):
        schema = pyarrow.parquet.read_schema(path)
        for name in rows.columns_of(k):
            kind = schema.field(name).type
            other, known = first.setdefault(name, (path, kind))
            both = {_sort(known), _sort(kind)}
            is_id = rows.plans[k].header.renamed[name].endswith(("_id", "chosen", "rejected"))
            numbers = both <= {"integer", "fraction"} and not is_id
            if known != kind and not numbers and not both <= {"integer", "text"}:
                raise ValueError(
                    f"{path}: the column {name!r} is of type {kind}, but {known} in {other}; write both "
                    "alike to have them sorted"
                )


def _sort(kind: Any) -> str:
    """What a type of Arrow is of: integers, fractions, text or anything else."""
    if pa.types.is_dictionary(kind):
        return _sort(kind.value_type)
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind):
        return "fraction"
    return "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else "other"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _path(path: str) -> str:
    """The text of a path that is no pattern."""
    return _text(
        "".join(f"[{character}]" if character in "[*?" else character for character in path)
    )
