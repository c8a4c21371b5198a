"""Large long tables without anything special: the short way from a file to `Rankings`.

What is no plain ranking or score takes the long way, by `read_long`, which also says what is wrong.
Both ways give the same arrays.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa

from rlchf.io.columns import EXACT, Table, to_numpy
from rlchf.io.formats.long import reads_as_ranking
from rlchf.plain_ballots import plain_ballots

LARGE = 200_000
"""Number of rows from which the short way is faster, the loading of its compiled loops included."""
IDS = ("prompt_id", "annotator_id", "response_id")
VALUES = ("rank", "score")
WEIGHT = "weight"
LEAST = {"rank": 1, "score": -np.inf, WEIGHT: 0}
"""A plain table has the ids, one of the values, perhaps a weight, and nothing else that is read."""


def is_plain_table(names: Collection[str]) -> bool:
    """Whether a table with columns of these names may be plain.

    Examples
    --------
    >>> is_plain_table([*IDS, "rank"]), is_plain_table([*IDS, "rank", "approval"])
    (True, False)
    """
    others = {*names} - {*IDS, WEIGHT}
    return {*names} >= {*IDS} and len(others) == 1 and others <= {*VALUES}


def plain_columns(table: Table, large: int | None = None) -> dict[str, Any] | None:
    """The columns of a `Rankings` from a large table of plain ranks or scores, or None if it is another.

    A table is large from `LARGE` rows, or from as many as are given.
    """
    if not is_plain_table(table.columns):
        return None
    if len(table.columns["prompt_id"]) < (LARGE if large is None else large):
        return None
    ids: dict[str, list[str]] = {}
    columns: dict[str, np.ndarray] = {}
    for name in table.columns.keys() - {*IDS}:
        values = _whole(table.columns[name]) if name == "rank" else None
        if values is None:
            values = _finite(table.columns[name])
        if values is None or values.min() < LEAST[name]:
            return None
        columns[name] = values
    for name in IDS:
        ids[name], columns[name] = table.small_codes(name)
        if "" in ids[name]:
            return None
    if any(map(reads_as_ranking, ids["response_id"])):
        return None
    return plain_ballots(ids, columns, table.source)


def _whole(column: object) -> np.ndarray | None:
    """A column of whole numbers as int32; None if it is another."""
    if not isinstance(column, pa.ChunkedArray) or column.null_count:
        return None
    if not pa.types.is_integer(column.type):
        return None
    try:
        return to_numpy(column.cast(pa.int32()))
    except pa.ArrowInvalid:
        return None


def _finite(column: object) -> np.ndarray | None:
    """A column as floats below 2^53, up to where they hold all whole numbers; None if one is another."""
    if not isinstance(column, pa.ChunkedArray) or column.null_count:
        return None
    try:
        values = to_numpy(column.cast(pa.float64(), safe=False))
    except pa.ArrowInvalid:
        return None
    return values if (np.abs(values) < EXACT).all() else None  # not so of NaN
