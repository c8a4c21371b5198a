"""Signed strengths: each row says which of two responses is preferred, and how strongly, in one number."""

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.formats import Format
from rlchf.io.formats._ids import PEOPLE
from rlchf.io.formats._sides import side_ballots

SIDES = ("response_a", "response_b")
HINT = "give a number: negative prefers response_a, positive response_b, 0 is a tie"


def read_signed(table: Table, unranked: str) -> Entries:
    """Read ``response_a, response_b, strength``: a negative number prefers the first, 0 is a tie.

    Besides there is ``prompt_id`` or ``prompt``, and optionally ``annotator_id``, ``weight`` and ``count``.
    Without ``annotator_id`` each row is an annotator's.
    """
    table.require(*SIDES, "strength")
    if not {"prompt_id", "prompt"} & set(table.names):
        raise ValueError(
            f"{table.source}: there is no prompt; name its column with --columns, such as prompt=context; "
            f"found {', '.join(table.names)}"
        )
    signed = table.numbers("strength", HINT)
    ranks = np.concatenate([1.0 + (signed > 0), 1.0 + (signed < 0)])
    return side_ballots(table, SIDES, ranks, strengths=np.abs(signed))


FORMAT = Format(
    name="signed",
    shape="response_a, response_b and a signed strength",
    columns=("response_a", "response_b", "strength", "prompt", "count"),
    marks=(),
    read=read_signed,
    by_pair=True,
    named=True,
    aliases={
        **PEOPLE,
        "response_a": ("response1", "completion_a", "model_a", "left"),
        "response_b": ("response2", "completion_b", "model_b", "right"),
    },
)
