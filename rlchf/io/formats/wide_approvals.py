"""Wide approvals: each row is one ballot, with a column per response that says what it thinks of it."""

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.formats import Format
from rlchf.io.formats._columns import other_columns, read_columns


def read_wide_approvals(table: Table, unranked: str) -> Entries:
    """Read a row per ballot and a column per response: 1 approves, 0 is neutral, -1 disapproves.

    An empty cell is a response that the ballot does not judge. Without ``prompt_id`` or ``prompt`` the table
    is one prompt, without ``annotator_id`` each row is an annotator's; ``weight`` and ``count`` are optional.

    Raises
    ------
    ValueError
        If a cell is none of 1, 0 and -1.
    """
    return read_columns(
        table,
        "give 1 (approve), 0 (neutral) or -1 (disapprove), or leave the cell empty",
        lambda values, _: np.isin(values, (-1.0, 0.0, 1.0)),
        "entry_approvals",
    )


FORMAT = Format(
    name="wide_approvals",
    shape="a column per response with its approval",
    columns=("count", "prompt"),
    marks=(),
    read=read_wide_approvals,
    named=True,
    others=other_columns,
    pattern="responses",
)
