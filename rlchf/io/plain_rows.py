"""Large long tables without anything special: the short way from a file to `Rankings`.

What is no plain ranking or score takes the long way, by `read_long`, which also says what is wrong.
Both ways give the same arrays.
"""

import numpy as np
import pyarrow as pa

from rlchf.io.columns import Table, to_numpy
from rlchf.io.formats.long import reads_as_ranking
from rlchf.plain_ballots import plain_ballots
from rlchf.rankings import Rankings, Unranked

LARGE = 200_000
"""Number of rows from which the short way is faster, the loading of its compiled loops included."""
IDS = ("prompt_id", "annotator_id", "response_id")
VALUES = ("rank", "score")
"""A plain table has the ids, one of these, and nothing else that is read."""


def plain_rankings(table: Table, unranked: Unranked, large: int | None = None) -> Rankings | None:
    """The rankings of a large table whose rows are all plain ranks or scores, or None if it is another.

    A table is large from `LARGE` rows, or from as many as are given.
    """
    others = [name for name in table.columns if name not in IDS]
    if len(table.columns) != len(IDS) + 1 or len(others) != 1 or others[0] not in VALUES:
        return None
    if len(table.columns["prompt_id"]) < (LARGE if large is None else large):
        return None
    values = _finite(table.columns[others[0]])
    if values is None or (others[0] == "rank" and values.min() < 1):
        return None
    ids, columns = {}, {others[0]: values}
    del values
    for name in IDS:
        ids[name], columns[name] = table.small_codes(name)
        if "" in ids[name]:
            return None
    if any(map(reads_as_ranking, ids["response_id"])):
        return None
    return plain_ballots(ids, columns, unranked, table.source)


def _finite(column: object) -> np.ndarray | None:
    """A column as finite floats; None if one is not, or is not written as a plain number."""
    if not isinstance(column, pa.ChunkedArray) or column.null_count:
        return None
    try:
        values = to_numpy(column.cast(pa.float64(), safe=False))
    except pa.ArrowInvalid:
        return None
    return values if np.isfinite(values).all() else None
