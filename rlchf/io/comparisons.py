"""Comparisons: each row is one ballot of two responses."""

import numpy as np

from rlchf.io.columns import Table
from rlchf.io.files import shown
from rlchf.io.long import refuse_rankings
from rlchf.rankings import Rankings, Unranked


def read_comparisons(table: Table, unranked: Unranked) -> Rankings:
    """Read ``prompt_id, annotator_id, chosen, rejected``, optionally ``tie`` and ``weight``.

    An annotator may compare the same two responses again: that is another ballot.

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
    return Rankings.from_entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=responses,
        ballot_prompts=prompt,
        ballot_annotators=annotator,
        ballot_weights=table.weights(),
        entry_ballots=np.tile(np.arange(n), 2),
        entry_responses=response,
        entry_ranks=np.concatenate([np.ones(n), np.where(tied, 1.0, 2.0)]),
        unranked=unranked,
        source=table.source,
        place=lambda entry: table.row(entry % n),
    )
