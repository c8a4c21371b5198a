"""Wide ranks: each row is one ballot, with a column per response that holds its rank."""

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.formats import Format
from rlchf.io.formats._columns import other_columns, read_columns


def read_wide_ranks(table: Table, unranked: str) -> Entries:
    """Read a row per ballot and a column per response: 1 is best, an empty cell is not ranked.

    Without ``prompt_id`` or ``prompt`` the table is one prompt, without ``annotator_id`` each row is an
    annotator's; ``weight`` and ``count`` are optional.

    Raises
    ------
    ValueError
        If a cell is no number from 1 to the number of responses, a half between two places included: such
        as a score, or 0 or 99 for nothing.
    """
    return read_columns(
        table,
        "give a rank, 1 is best, or leave the cell empty",
        lambda values, n: (values >= 1) & (values <= n) & (2 * values == np.floor(2 * values)),
        "entry_ranks",
    )


FORMAT = Format(
    name="wide_ranks",
    shape="a column per response with its rank",
    columns=("count", "prompt"),
    marks=(),
    read=read_wide_ranks,
    named=True,
    others=other_columns,
    pattern="responses",
)
