"""Comparisons: each row is one ballot of two responses."""

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.files import shown
from rlchf.io.formats import Format
from rlchf.io.formats.long import refuse_rankings


def read_comparisons(table: Table, unranked: str) -> Entries:
    """Read ``prompt_id, annotator_id, chosen, rejected``, optionally ``tie``, ``strength`` and ``weight``.

    ``strength`` says how strongly the chosen response is preferred. An annotator may compare the same two
    responses again: that is another ballot.

    Raises
    ------
    ValueError
        If a row compares a response with itself.
    """
    table.require("prompt_id", "annotator_id", "chosen", "rejected")
    prompts, prompt = table.ids("prompt_id")
    annotators, annotator = table.ids("annotator_id")
    responses, response = table.ids("chosen", "rejected")  # codes of all chosen, then all rejected
    refuse_rankings(table, responses, response)
    n = len(prompt)
    same = response[:n] == response[n:]
    if same.any():
        i = int(np.argmax(same))
        raise table.error(
            i, f"chosen and rejected are both {shown(responses[response[i]])}; give two responses"
        )
    tied = table.flags("tie", empty=False) if "tie" in table.names else np.zeros(n, dtype=bool)
    return Entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=responses,
        ballot_prompts=prompt,
        ballot_annotators=annotator,
        ballot_weights=table.weights(),
        ballot_strengths=table.strengths(),
        entry_ballots=np.tile(np.arange(n), 2),
        entry_responses=response,
        entry_ranks=np.concatenate([np.ones(n), np.where(tied, 1.0, 2.0)]),
        source=table.source,
        locate=lambda entry: table.row(entry % n),
    )


FORMAT = Format(
    name="comparisons",
    shape="chosen and rejected",
    columns=("chosen", "rejected", "tie", "strength"),
    marks=("chosen", "rejected"),
    read=read_comparisons,
)
