"""Wide scores: each row is one ballot, with a column per response that holds its score."""

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.formats import Format
from rlchf.io.formats._columns import other_columns, read_columns


def read_wide_scores(table: Table, unranked: str) -> Entries:
    """Read a row per ballot and a column per response: higher is better, an empty cell is not scored.

    Without ``prompt_id`` or ``prompt`` the table is one prompt, without ``annotator_id`` each row is an
    annotator's; ``weight`` and ``count`` are optional.
    """
    return read_columns(
        table,
        "give a score, higher is better, or leave the cell empty",
        lambda values, n: np.ones(values.shape, dtype=bool),
        "entry_scores",
    )


FORMAT = Format(
    name="wide_scores",
    shape="a column per response with its score",
    columns=("count", "prompt"),
    marks=(),
    read=read_wide_scores,
    named=True,
    others=other_columns,
    pattern="responses",
)
