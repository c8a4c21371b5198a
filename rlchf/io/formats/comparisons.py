"""Comparisons: each row is one ballot of two responses."""

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.formats import Format
from rlchf.io.formats._sides import ballots_of_two
from rlchf.io.formats.long import refuse_rankings

SIDES = ("chosen", "rejected")


def read_comparisons(table: Table, unranked: str) -> Entries:
    """Read ``prompt_id, annotator_id, chosen, rejected``, optionally ``tie``, ``strength`` and ``weight``.

    ``strength`` says how strongly the chosen response is preferred. An annotator compares two responses of
    a prompt once, or once per ``ballot_id``.

    Raises
    ------
    ValueError
        If a row compares a response with itself.
    """
    table.require("prompt_id", "annotator_id", "chosen", "rejected")
    ids = [table.ids(*names) for names in (("prompt_id",), ("annotator_id",), SIDES)]
    refuse_rankings(table, *ids[2])
    n = len(ids[0][1])
    tied = table.flags("tie", empty=False) if "tie" in table.names else np.zeros(n, dtype=bool)
    ranks = np.concatenate([np.ones(n), np.where(tied, 1.0, 2.0)])
    parts = [table.ids("ballot_id")[1]] if "ballot_id" in table.names else []
    return ballots_of_two(table, SIDES, ids, ranks, parts=parts, strengths=table.strengths())


FORMAT = Format(
    name="comparisons",
    shape="chosen and rejected",
    columns=("chosen", "rejected", "tie", "strength", "ballot_id"),
    marks=("chosen", "rejected"),
    read=read_comparisons,
    by_pair=True,
)
