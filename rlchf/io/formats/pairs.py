"""Pairs: each row is a prompt with a chosen and a rejected response, as trainers hold them."""

from dataclasses import replace
from typing import Any

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.files import shown
from rlchf.io.formats import Format
from rlchf.io.formats._ids import PEOPLE, n_rows
from rlchf.io.formats._sides import chosen_ranks, side_ballots

SIDES = ("chosen", "rejected")


def read_pairs(table: Table, unranked: str) -> Entries:
    """Read ``prompt, chosen, rejected``, texts or chat messages; optionally ``annotator_id``, ``weight``,
    ``count``, ``tie``, ``strength`` and ``probability``.

    A short text is its own id, a longer one gets one that depends on the text alone. Chat messages that
    hold the prompt too are split after the messages that both have. Without ``annotator_id`` each row is
    an annotator's.

    Raises
    ------
    ValueError
        If there is no prompt, or a row prefers a response to itself.
    """
    table.require(*SIDES)
    if "prompt" not in table.names and "prompt_id" not in table.names:
        table = _with_prompts(table)
    ranks, probabilities = chosen_ranks(table, n_rows(table))
    return side_ballots(
        table, SIDES, ranks, strengths=table.strengths(), probabilities=probabilities
    )


def _with_prompts(table: Table) -> Table:
    """The table with the messages that a row's two conversations share as its prompt."""
    prompts: list[Any] = []
    rests: dict[str, list[Any]] = {side: [] for side in SIDES}
    rows = zip(table.values("chosen"), table.values("rejected"), strict=True)
    for i, (chosen, rejected) in enumerate(rows):
        if not (isinstance(chosen, list) and isinstance(rejected, list)):
            raise table.error(
                i,
                f"there is no prompt, and chosen is {shown(chosen)}; give a column 'prompt', or chosen and "
                "rejected as chat messages that begin with the same prompt",
            )
        shared = 0
        while shared < min(len(chosen), len(rejected)) and chosen[shared] == rejected[shared]:
            shared += 1
        if shared == 0:
            raise table.error(i, "chosen and rejected begin with different messages; give a prompt")
        prompts.append(chosen[:shared])
        rests["chosen"].append(chosen[shared:])
        rests["rejected"].append(rejected[shared:])
    columns = {**table.columns, "prompt": prompts, **rests}
    return replace(table, columns=columns, names=[*table.names, "prompt"])


FORMAT = Format(
    name="pairs",
    shape="prompt, chosen and rejected",
    columns=("prompt", "chosen", "rejected", "tie", "strength", "probability", "count"),
    marks=("prompt", "chosen", "rejected"),
    read=read_pairs,
    by_pair=True,
    unless=("prompt_id",),
    together=True,
    aliases={"annotator_id": PEOPLE["annotator_id"]},
)
