"""Large csv, tsv and jsonl files, read block by block into codes and numbers.

A file that is not plain, with line breaks in cells, say, or objects of different keys, is left to the readers
of whole files, which also say what is wrong with it.
"""

from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from rlchf.ids import clean_id
from rlchf.io.coding import Codes
from rlchf.io.columns import Table, as_text
from rlchf.io.files import COMPRESSED, KINDS, bare_name
from rlchf.io.line_templates import as_number, line_template
from rlchf.io.plain_rows import IDS, is_plain_table, plain_columns
from rlchf.io.plans import Reading
from rlchf.io.quotes import check_quotes
from rlchf.io.separated import TAB
from rlchf.io.tables import SEPARATORS, column_names, separator
from rlchf.limits import limit
from rlchf.parsing import json_value

LARGE_BYTES = 8 * 2**20
"""Size of files from which this way is faster."""
BLOCK = 2**22
"""Bytes to a block, but for the end of its last line."""
HEAD = 2**16
"""Bytes in which the first line must end."""
TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


class NotPlainError(ValueError):
    """A file has something that only the readers of whole files understand."""


def plain_file(path: str, source: str, reading: Reading) -> dict[str, Any] | None:
    """The columns of a `Rankings` from a large file of plain ranks or scores, or None if it is another.

    Parameters
    ----------
    source
        The file's name in messages.
    """
    try:
        kind = _kind_of_large_text(path)
        if kind is None:
            return None
        with Path(path).open("rb") as stream:
            table = _table(stream, kind, source, reading)
    except (OSError, pa.ArrowException, ValueError, KeyError):
        return None  # the readers of whole files say why
    return plain_columns(table, large=0)


def _kind_of_large_text(path: str) -> str | None:
    """Whether a file is csv, tsv or jsonl, by its name; None if it is small, compressed or another."""
    file = Path(path)
    kind = KINDS.get(bare_name(path)[1])
    if kind not in (*SEPARATORS, "jsonl") or file.suffix.lower() in COMPRESSED:
        return None
    return kind if file.is_file() and file.stat().st_size >= LARGE_BYTES else None


def _table(stream: BufferedReader, kind: str, source: str, reading: Reading) -> Table:
    """The columns of a plain file: ids as codes, ranks or scores, and weights."""
    head = stream.peek(HEAD)[:HEAD]
    line = head.partition(b"\n")[0]
    if len(line) == len(head):
        raise NotPlainError
    names = _names(line, kind)
    plan = reading.plan(source, names)
    ours = plan.header.renamed
    if plan.format.name != "long" or not is_plain_table(ours.values()):
        raise NotPlainError
    if kind == "jsonl":
        batches = _objects(stream, line, json_value(line.decode()), ours)
    else:
        stream.readline()
        batches = _rows(stream, names, ours, separator(line, kind))
    return Table(source, _coded(batches, ours), plan.header.names(names), "row {}".format)


def _names(line: bytes, kind: str) -> list[str]:
    """The names of the columns by the first line."""
    names = column_names(line, kind)
    if len(set(names)) < len(names) or any(
        not name or clean_id(name) != name or '"' in name for name in names
    ):
        raise NotPlainError
    return names


def _coded(batches: Iterator[Any], ours: Mapping[str, str]) -> dict[str, Any]:
    """The columns of all batches under our names, ids as codes."""
    codes = {name: Codes() for name in IDS}
    numbers: dict[str, list[Any]] = {name: [] for name in ours.values() if name not in IDS}
    for batch in batches:
        for theirs, name in ours.items():
            column = batch[theirs]
            if column.null_count:
                raise NotPlainError
            if name in codes:
                codes[name].add(as_text(column))
            else:
                numbers[name] += column.chunks
    return {
        **{name: each.column() for name, each in codes.items()},
        **{name: pa.chunked_array(chunks, pa.float64()) for name, chunks in numbers.items()},
    }


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of a text in blocks of whole lines, all of them UTF-8 and none longer than the limit."""
    longest = limit("RLCHF_MAX_LINE")
    if longest < BLOCK:
        raise NotPlainError
    while block := stream.read(BLOCK):
        rest = stream.readline(longest)
        if len(rest) == longest:
            raise NotPlainError
        block += rest
        if not block.isascii():
            block.decode()
        yield block if block.endswith(b"\n") else block + b"\n"


def _rows(
    stream: BinaryIO, names: list[str], ours: Mapping[str, str], delimiter: str
) -> Iterator[Any]:
    """The rows of separated text in which quotes are around whole cells within a line, if there are any.

    A row of another width is an error.
    """
    import pyarrow.csv

    types = {theirs: pa.string() if name in IDS else pa.float64() for theirs, name in ours.items()}
    for block in _blocks(stream):
        is_quoted = b'"' in block
        if is_quoted and (delimiter == TAB or any(check_quotes(block, "", delimiter))):
            raise NotPlainError
        yield pyarrow.csv.read_csv(
            pa.BufferReader(block),
            read_options=pyarrow.csv.ReadOptions(
                column_names=names, block_size=len(block) + 1, use_threads=False
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if is_quoted else False
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types,
                include_columns=list(ours),
                null_values=[],
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )


def _objects(
    stream: BinaryIO, line: bytes, first: Mapping[str, Any], ours: Mapping[str, str]
) -> Iterator[Any]:
    """The objects of jsonl, one on each line, with the keys of the first and values of the same types."""
    types = {name: TYPES[type(value)] for name, value in first.items()}
    numbers = [name for name in first if types[name] in (pa.int64(), pa.float64())]
    types.update({name: pa.float64() for name in numbers if ours.get(name) not in IDS})
    template = line_template(line, types)
    for block in _blocks(stream):
        table = None if template is None else template.table(block, ours)
        yield _parsed_objects(block, pa.schema(types.items()), ours) if table is None else table


def _parsed_objects(block: bytes, schema: Any, ours: Mapping[str, str]) -> Any:
    import pyarrow.json

    table = pyarrow.json.read_json(
        pa.BufferReader(block),
        read_options=pyarrow.json.ReadOptions(block_size=len(block) + 1, use_threads=False),
        parse_options=pyarrow.json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="error"
        ),
    )
    if not _begins_lines(block, b"{", table.num_rows):
        raise NotPlainError  # blank lines, or an object that is not on one line
    for i, name in enumerate(table.column_names):
        if ours.get(name, "") not in ("", *IDS):
            table = table.set_column(i, name, as_number(table[name]))
    return table


def _begins_lines(block: bytes, character: bytes, n_lines: int) -> bool:
    """Whether a text has so many lines, all of which begin with a character."""
    array = np.frombuffer(block, np.uint8)
    starts = np.flatnonzero(array[:-1] == ord("\n")) + 1
    first = ord(character)
    return len(starts) == n_lines - 1 and array[0] == first and bool((array[starts] == first).all())
