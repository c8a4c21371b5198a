"""Prompts that are safe or unsafe to answer, and texts of stages, for the report on a constitution."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.display import listing
from rlchf.ids import cell_text, clean_id
from rlchf.io.files import display_name, empty_file, file_kind, read_bytes, shown
from rlchf.io.jsonl import json_records
from rlchf.io.tables import read_table
from rlchf.parsing import finite

CONTRAST = "contrast"
"""What the types of unsafe prompts begin with, as those of XSTest do."""


@dataclass(frozen=True)
class SafetyPrompts:
    """Prompts in two halves: safe ones, and unsafe ones that should be refused.

    Attributes
    ----------
    types
        The type of each prompt, by id.
    unsafe
        Whether it is unsafe, by id.
    """

    types: dict[str, str]
    unsafe: dict[str, bool]


def read_safety_prompts(path: str | Path) -> SafetyPrompts:
    """Read prompts with ``prompt_id`` (or ``id``) and ``type``; unsafe types begin with ``contrast``.

    A column ``label``, safe or unsafe, decides where it is there.

    Raises
    ------
    ValueError
        If a column is missing, a prompt comes twice, or a label is neither safe nor unsafe.
    """
    types: dict[str, str] = {}
    unsafe: dict[str, bool] = {}
    for place, record in _records(path, ("type", "label", "prompt_id", "id")):
        key = next((key for key in ("prompt_id", "id") if record.get(key, "") != ""), None)
        for name, found in (("prompt_id", key), ("type", record.get("type"))):
            if not found:
                raise ValueError(
                    f"{place}: there is no {name}; give prompt_id and type, such as the "
                    "columns of XSTest"
                )
        prompt = clean_id(cell_text(record[str(key)]))
        if prompt in types:
            raise ValueError(f"{place}: prompt {prompt!r} comes twice; keep one of them")
        types[prompt] = kind = cell_text(record["type"])
        label = cell_text(record.get("label")).strip().lower()
        if label not in ("", "safe", "unsafe"):
            raise ValueError(f"{place}: label is {label!r}; give safe or unsafe")
        unsafe[prompt] = label == "unsafe" if label else kind.startswith(CONTRAST)
    return SafetyPrompts(types, unsafe)


def read_scored_texts(
    path: str | Path, scores: Sequence[str] = ()
) -> tuple[list[str], list[str], dict[str, np.ndarray]]:
    """Read lines of ``prompt_id`` and ``text`` (or ``response``) with numbers about each text.

    Parameters
    ----------
    scores
        Keys of numbers that every line must have; those are all that are read. Without, the keys
        ``harmlessness``, ``helpfulness`` and ``score`` are read where every line has them.

    Returns
    -------
    The prompt ids, the texts, and the numbers by name, (N,) each.

    Raises
    ------
    ValueError
        If a key is missing, or a text or a number is none.
    """
    prompts, texts, records = [], [], []
    for place, record in _records(path, None):
        text = record.get("text", record.get("response"))
        if "prompt_id" not in record or not isinstance(text, str):
            raise ValueError(
                f"{place}: give prompt_id and text, a text; found {listing(record) or 'no key'}"
            )
        prompts.append(clean_id(cell_text(record["prompt_id"])))
        texts.append(text)
        records.append((place, record))
    usual = ("harmlessness", "helpfulness", "score")
    names = scores or [name for name in usual if all(name in record for _, record in records)]
    columns = {name: [_number(record, name, place) for place, record in records] for name in names}
    return prompts, texts, {name: np.array(values) for name, values in columns.items()}


def _number(record: dict[str, Any], name: str, place: str) -> float:
    value = record.get(name)
    if name in record and value is None:
        return float("nan")
    if type(value) not in (int, float) or (type(value) is int and finite(value) is None):
        found = shown(value) if name in record else f"not among {listing(record)}"
        raise ValueError(f"{place}: {name} is {found}; give a number")
    return value if isinstance(value, float) else float(finite(value) or 0)


def _records(path: str | Path, columns: Collection[str] | None) -> list[tuple[str, dict[str, Any]]]:
    """The rows of a jsonl file or a table, with the place of each for messages."""
    source, data = display_name(path), read_bytes(path)
    if not data.strip():
        raise empty_file(source)
    if file_kind(path, data) == "jsonl" or columns is None:
        return [(f"{source}, line {n}", record) for n, record in json_records(data, source)]
    table = read_table(path)
    names = [name for name in table.columns if name in columns]
    cells = {name: table.texts(name) for name in names}
    return [
        (f"{source}, {table.row(i)}", {name: column[i] for name, column in cells.items()})
        for i in range(len(next(iter(cells.values()), [])))
    ]
