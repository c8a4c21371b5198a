"""JSON and JSON-lines files, written complete or not at all."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from rlchf.io.atomic import atomic_write
from rlchf.io.columns import text_array
from rlchf.io.files import decode, display_name, read_bytes, shown
from rlchf.io.jsonl import json_records
from rlchf.parsing import json_value


def write_json(path: str | Path, value: Any) -> None:
    """Write one value, indented.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> write_json(Path(folder.name) / "x.json", {"rule": "borda"})
    >>> print((Path(folder.name) / "x.json").read_text())
    {
      "rule": "borda"
    }
    <BLANKLINE>
    """
    with atomic_write(path) as file:
        file.write((json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: str | Path) -> Any:
    """Read the value that `write_json` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not JSON.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> write_json(Path(folder.name) / "x.json", [1, {"a": None}])
    >>> read_json(Path(folder.name) / "x.json")
    [1, {'a': None}]
    """
    text = decode(read_bytes(path), display_name(path))
    try:
        return json_value(text)
    except ValueError as error:
        raise ValueError(f"{display_name(path)} is not JSON: {error}") from None


def read_object(path: str | Path) -> dict[str, Any]:
    """Read the object that a JSON file holds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not JSON, or holds another value than an object.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> write_json(Path(folder.name) / "x.json", {"rule": "borda"})
    >>> read_object(Path(folder.name) / "x.json")
    {'rule': 'borda'}
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise ValueError(
            f"{display_name(path)} holds {shown(json.dumps(value))}, and must hold a JSON object, {{...}}"
        )
    return value


def write_jsonl(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one line for each row; returns their number.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> write_jsonl(Path(folder.name) / "x.jsonl", [{"a": 1}, {"a": 2}])
    2
    >>> read_jsonl(Path(folder.name) / "x.jsonl")
    [{'a': 1}, {'a': 2}]
    """
    count = 0
    with atomic_write(path) as file:
        for row in rows:
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
            count += 1
    return count


def read_jsonl(path: str | Path) -> list[dict[str, Any]]:
    """Read the object of each line; blank lines are skipped.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a line is not a JSON object; the message says which.
    """
    return [record for _, record in json_records(read_bytes(path), display_name(path))]


def cells_as_json(cells: Iterable[Any]) -> Any:
    """Cells that are texts or lists as an Arrow column of JSON texts.

    Examples
    --------
    >>> parsed_cells(cells_as_json(["a > b", [["b"], ["a"]]]))
    ['a > b', [['b'], ['a']]]
    """
    return pa.chunked_array([text_array([json.dumps(cell, ensure_ascii=False) for cell in cells])])


def parsed_cells(column: Any) -> Any:
    """The cells that `cells_as_json` wrote: a list if some are lists, else a column of texts."""
    cells = [json.loads(cell) if cell else "" for cell in column.to_pylist()]
    if any(isinstance(cell, list) for cell in cells):
        return cells
    return pa.chunked_array([text_array(cells)])
