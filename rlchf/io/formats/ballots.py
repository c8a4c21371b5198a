"""Ballots: each row or line is one whole ranking."""

import numpy as np

from rlchf.doubts import check_notation
from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.formats import Format
from rlchf.notation import is_blank, ranking_levels


def read_ballots(table: Table, unranked: str) -> Entries:
    """Read columns ``prompt_id, annotator_id, ranking``; optionally ``weight``, ``count`` and ``ballot_id``.

    A ranking is text such as ``a > b = c`` or a list such as ``[["a"], ["b", "c"]]``, best first; see
    `rlchf.notation` for how else it may be written. An annotator has one ballot per prompt, or one per
    ``ballot_id``.
    """
    table.require("prompt_id", "annotator_id", "ranking")
    if "response_id" in table.names:
        raise ValueError(
            f"{table.source}: there are columns 'ranking' and 'response_id', but a ranking names the "
            "responses itself; rename 'ranking' to 'rank' if it holds one response's rank, or leave "
            "response_id out"
        )
    prompts, prompt = table.ids("prompt_id")
    annotators, annotator = table.ids("annotator_id")
    counts = table.counts()
    index: dict[str, int] = {}
    ballots: list[int] = []
    responses: list[int] = []
    ranks: list[int] = []
    rankings = table.values("ranking")
    for i, ranking in enumerate(rankings):
        try:
            levels = [] if is_blank(ranking) else ranking_levels(ranking)
        except ValueError as error:
            raise table.error(i, str(error)) from None
        for rank, level in enumerate(levels, start=1):
            for name in level:
                ballots.append(i)
                responses.append(index.setdefault(name, len(index)))
                ranks.append(rank)
    entries = (
        np.array(ballots, dtype=np.int64),
        np.array(responses, dtype=np.int64),
        np.array(ranks, dtype=np.float64),
    )
    texts = [ranking if isinstance(ranking, str) else None for ranking in rankings]
    check_notation(table.source, table.row, texts, prompt, list(index), entries)
    return Entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=list(index),
        ballot_prompts=prompt,
        ballot_annotators=annotator,
        ballot_weights=table.weights(),
        ballot_counts=None if counts is None else counts.astype(np.int64),
        ballot_parts=table.ids("ballot_id")[1] if "ballot_id" in table.names else None,
        entry_ballots=entries[0],
        entry_responses=entries[1],
        entry_ranks=entries[2],
        source=table.source,
        locate=lambda entry: table.row(ballots[entry]),
        locate_ballot=table.row,
    )


FORMAT = Format(
    name="ballots",
    shape="ranking",
    columns=("ranking", "ballot_id", "count"),
    marks=("ranking",),
    read=read_ballots,
)
