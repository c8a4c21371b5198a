"""JSON lines, one object each, and tables of them."""

import io
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from rlchf.ids import cell_text
from rlchf.io.columns import LISTS, Table, check_width, text_array
from rlchf.io.files import decode, empty_file, shown
from rlchf.limits import gib, limit
from rlchf.parsing import RepeatedKeyError, json_value


def json_records(data: bytes, source: str, first: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
    """Objects of a jsonl file with their line numbers, which begin at ``first``; blank lines are skipped.

    Examples
    --------
    >>> list(json_records(b'{"a": 1}', "file.jsonl"))
    [(1, {'a': 1})]
    """
    longest, deepest = limit("RLCHF_MAX_LINE"), limit("RLCHF_MAX_NESTING")
    surrogates = rb"\ud" in data or rb"\uD" in data
    for number, line in enumerate(io.BytesIO(data), start=first):
        if line.isspace():
            continue
        if len(line) > longest:
            raise ValueError(
                f"{source}, line {number}: longer than {gib(longest)}; set RLCHF_MAX_LINE to allow more"
            )
        try:
            record = json_value(line.decode(), deepest)
        except UnicodeDecodeError:
            decode(data, source, first - 1)  # the same error, with its line
            raise
        except RepeatedKeyError as error:
            raise RepeatedKeyError(f"{source}, line {number}: {error}") from None
        except ValueError as error:
            raise ValueError(
                f"{source}, line {number}: not JSON ({error}); give one JSON object per line"
            ) from None
        if not isinstance(record, dict):
            raise ValueError(
                f"{source}, line {number}: found {shown(line.decode().strip())}; "
                "give one JSON object per line"
            )
        if surrogates:
            _refuse_half_characters(record, f"{source}, line {number}")
        yield number, record


def _refuse_half_characters(record: dict[str, Any], line: str) -> None:
    """Refuse half of a character beyond the basic plane: JSON can escape it, UTF-8 cannot hold it."""
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise ValueError(
            f"{line}: {half} is half of a character; write both halves, or none"
        ) from None


def parse_jsonl(
    data: bytes,
    source: str,
    wanted: Container[str] | None,
    lists: Iterable[str] = (),
    before: int = 0,
) -> Table:
    """Parse jsonl into columns; a key that a line lacks is an empty cell there.

    ``before`` is the number of lines before the text in its file.

    Examples
    --------
    >>> table = parse_jsonl(b'{"rank": 1, "prompt_id": "p"}', "file.jsonl", ["prompt_id", "rank"])
    >>> table.texts("rank"), table.row(0)
    (['1'], 'line 1')
    """
    table = from_records(json_records(data, source, before + 1), source, wanted, "line", lists)
    if table is None:
        raise empty_file(source)
    return table


def from_records(
    records: Iterable[tuple[int, Mapping[str, Any]]],
    source: str,
    wanted: Container[str] | None,
    unit: str,
    lists: Iterable[str] = (),
) -> Table | None:
    """Make a table of numbered dictionaries, one for each row; None if there is none.

    ``unit`` is what is numbered, such as "line"; messages name it. ``lists`` are further columns that may
    hold lists.
    """
    numbers: list[int] = []
    names: dict[str, None] = {}
    cells: dict[str, list[Any]] = {}
    lists = {*LISTS, *lists}
    shared: dict[str, str] = {}  # equal texts as one object: ids repeat on most lines
    for number, record in records:
        if not record.keys() <= names.keys():
            check_width(record, source)
            for name in record:  # in the order of the file
                if name not in names and (wanted is None or name in wanted):
                    cells[name] = [""] * len(numbers)
            names.update(dict.fromkeys(record))
            check_width(names, source)
        for name, column in cells.items():
            value = record.get(name)
            if isinstance(value, list) and name in lists:
                column.append(value)
                continue
            if type(value) is not str:
                if isinstance(value, list | dict | set | frozenset):
                    hint = "; give text or a number"
                    if name == "ranking":
                        hint = ', which has no order; write it as [["a"], ["b", "c"]], best first'
                    raise ValueError(f"{source}, {unit} {number}: {name} is {shown(value)}{hint}")
                value = cell_text(value)
            column.append(shared.setdefault(value, value))
        numbers.append(number)
    if not numbers:
        return None
    columns = {
        name: column
        if any(isinstance(value, list) for value in column)
        else pa.chunked_array([text_array(column)])
        for name, column in cells.items()
    }
    return Table(source, columns, list(names), lambda i: f"{unit} {numbers[i]}")
