"""Ids of prompts, annotators and responses where a table has none or has texts in their place."""

import hashlib
import json
from pathlib import PurePath
from typing import Any

import numpy as np

from rlchf.io.columns import Table
from rlchf.io.files import bare_name
from rlchf.io.formats.long import refuse_rankings
from rlchf.rankings import ANONYMOUS

PEOPLE = {
    "prompt_id": ("question_id",),
    "annotator_id": ("judge", "judge_id", "user", "user_id"),
}
"""Other names that tables of comparisons have for prompts and annotators."""
SHORT = 40
"""A text of so many characters or fewer is an id as it is."""


def text_id(text: str) -> str:
    """The id of a text: itself if it is short and on one line, else twelve digits that depend on it alone.

    Examples
    --------
    >>> text_id("Green tea"), text_id("Green tea. " * 9)
    ('Green tea', '6dc95fdc6cb4')
    """
    if len(text) <= SHORT and "\n" not in text and text == text.strip():
        return text
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


def prompts_of(table: Table) -> tuple[list[str], np.ndarray]:
    """Ids of the prompts and the code of each row: ``prompt_id``, or ``prompt``, or one for the whole table.

    The prompt of a table without either is named after the file.
    """
    if "prompt_id" in table.names:
        return table.ids("prompt_id")
    if "prompt" in table.names:
        return coded_texts(table, "prompt")
    name = bare_name(PurePath(table.source).name.partition("#")[0])[0]
    return [name], np.zeros(n_rows(table), dtype=np.int64)


def annotators_of(table: Table) -> tuple[list[str], np.ndarray]:
    """Ids of the annotators and the code of each row; without a column each row is by someone unknown."""
    if "annotator_id" in table.names:
        return table.ids("annotator_id")
    rows = np.arange(n_rows(table))
    return [f"{ANONYMOUS}{i + 1}" for i in rows.tolist()], rows


def responses_of(table: Table, *names: str) -> tuple[list[str], np.ndarray]:
    """Ids of the responses in some columns, texts or ids, and the codes of the cells, column by column."""
    ids, codes = coded_texts(table, *names)
    refuse_rankings(table, ids, codes)
    return ids, codes


def coded_texts(table: Table, *names: str) -> tuple[list[str], np.ndarray]:
    """Distinct ids of the texts or chat messages in some columns, and the code of each cell."""
    index: dict[str, int] = {}
    if not any(isinstance(table.columns.get(name), list) for name in names):
        texts, of_cells = table.ids(*names)
        of_texts = [index.setdefault(text_id(text), len(index)) for text in texts]
        return list(index), np.array(of_texts, dtype=np.int64)[of_cells]
    codes = [
        index.setdefault(_value_id(table, name, i, value), len(index))
        for name in names
        for i, value in enumerate(table.values(name))
    ]
    return list(index), np.array(codes, dtype=np.int64)


def _value_id(table: Table, name: str, i: int, value: Any) -> str:
    """The id of a text or of chat messages; a single message has that of its text."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0].get("content", value)
    if not value or (isinstance(value, str) and not value.strip()):
        raise table.error(i, f"the {name} is empty")
    return text_id(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def n_rows(table: Table) -> int:
    """Number of rows."""
    return len(next(iter(table.columns.values())))
