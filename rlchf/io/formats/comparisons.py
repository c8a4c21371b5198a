"""Comparisons: each row is one ballot of two responses."""

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.formats import Format
from rlchf.io.formats._sides import ballots_of_two, chosen_ranks
from rlchf.io.formats.long import refuse_rankings

SIDES = ("chosen", "rejected")


def read_comparisons(table: Table, unranked: str) -> Entries:
    """Read ``prompt_id, annotator_id, chosen, rejected`` and what may stand beside them.

    ``tie`` is true where neither is preferred, ``strength`` says how strongly the chosen response is, and
    ``probability`` (0.5 to 1) with what probability: the vote is then split (see `rlchf.soft_labels`). An
    annotator compares two responses of a prompt once, or once per ``ballot_id``.

    Raises
    ------
    ValueError
        If a row compares a response with itself, or a probability is not from 0.5 to 1.
    """
    table.require("prompt_id", "annotator_id", "chosen", "rejected")
    ids = [table.ids(*names) for names in (("prompt_id",), ("annotator_id",), SIDES)]
    refuse_rankings(table, *ids[2])
    ranks, probabilities = chosen_ranks(table, len(ids[0][1]))
    parts = [table.ids("ballot_id")[1]] if "ballot_id" in table.names else []
    return ballots_of_two(
        table, SIDES, ids, ranks,
        parts=parts, strengths=table.strengths(), probabilities=probabilities,
    )  # fmt: skip


FORMAT = Format(
    name="comparisons",
    shape="chosen and rejected",
    columns=("chosen", "rejected", "tie", "strength", "probability", "ballot_id", "count"),
    marks=("chosen", "rejected"),
    read=read_comparisons,
    by_pair=True,
)
