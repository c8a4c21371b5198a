"""Comparisons: each row is one ballot of two responses."""

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.files import shown
from rlchf.io.formats import Format
from rlchf.io.formats.long import refuse_rankings


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
        ballot_parts=_parts(table, response.reshape(2, n), len(responses)),
        entry_ballots=np.tile(np.arange(n), 2),
        entry_responses=response,
        entry_ranks=np.concatenate([np.ones(n), np.where(tied, 1.0, 2.0)]),
        source=table.source,
        locate=lambda entry: table.row(entry % n),
        locate_ballot=table.row,
    )


def _parts(table: Table, pairs: np.ndarray, n_responses: int) -> np.ndarray:
    """(N,) codes of the two responses that each row compares, and of its ``ballot_id``."""
    keys = pairs.min(axis=0) * n_responses + pairs.max(axis=0)
    if "ballot_id" in table.names:
        ids, codes = table.ids("ballot_id")
        keys = np.unique(keys, return_inverse=True)[1] * len(ids) + codes
    return np.asarray(np.unique(keys, return_inverse=True)[1])


FORMAT = Format(
    name="comparisons",
    shape="chosen and rejected",
    columns=("chosen", "rejected", "tie", "strength", "ballot_id"),
    marks=("chosen", "rejected"),
    read=read_comparisons,
    by_pair=True,
)
