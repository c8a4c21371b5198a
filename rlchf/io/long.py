"""The long table: one row for each response that an annotator ranked or scored."""

import re

import numpy as np
import pyarrow as pa

from rlchf.io.columns import Table, to_numpy
from rlchf.io.files import shown
from rlchf.rankings import Rankings, Unranked

_COMPARES = re.compile(r"\s[<>=]+\s")
RANK_HINT = "give a number, 1 is best, or leave the row out"
SCORE_HINT = "give a number, higher is better, or leave the row out"


def read_long(table: Table, unranked: Unranked) -> Rankings:
    """Read columns ``prompt_id, annotator_id, response_id`` and one of ``rank`` or ``score``.

    Raises
    ------
    ValueError
        If both columns are there or neither, or the rows of one ballot differ in weight.
    """
    table.require("prompt_id", "annotator_id", "response_id")
    if "rank" in table.names and "score" in table.names:
        raise ValueError(
            f"{table.source}: has both a column 'rank' and a column 'score'; "
            "keep the one that says what the annotators meant"
        )
    if "score" in table.names:
        return from_rows(table, unranked, entry_scores=table.numbers("score", SCORE_HINT))
    return from_rows(table, unranked, entry_ranks=table.numbers("rank", RANK_HINT))


def from_rows(table: Table, unranked: Unranked, **values: np.ndarray) -> Rankings:
    """Gather one ballot from all rows with the same prompt and annotator."""
    prompts, prompt = table.ids("prompt_id")
    annotators, annotator = table.ids("annotator_id")
    responses, response = table.ids("response_id")
    refuse_rankings(table, responses, response)
    ballot_keys, ballot = _codes(prompt * len(annotators) + annotator)
    return Rankings.from_entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=responses,
        ballot_prompts=ballot_keys // len(annotators),
        ballot_annotators=ballot_keys % len(annotators),
        ballot_weights=_ballot_weights(table, ballot, len(ballot_keys)),
        entry_ballots=ballot,
        entry_responses=response,
        unranked=unranked,
        source=table.source,
        place=table.row,
        **values,  # type: ignore[arg-type]
    )


def refuse_rankings(table: Table, ids: list[str], codes: np.ndarray) -> None:
    """Refuse a response id that reads as a ranking, such as ``a > b``: a ballot in the wrong column.

    ``codes`` are of the rows, possibly of several columns laid end to end.

    Raises
    ------
    ValueError
        If an id has a >, < or = between spaces; the message says in which row.
    """
    for code, name in enumerate(ids):
        if _COMPARES.search(name):
            row = int(np.argmax(codes == code)) % len(table.columns["prompt_id"])
            raise table.error(
                row,
                f"the response id {shown(name)} reads as a ranking; name one response, without "
                "a >, < or = between spaces, or give whole rankings in a column 'ranking'",
            )


def _codes(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct keys in order of appearance, and each key's index among them."""
    array = pa.Array.from_buffers(pa.int64(), len(keys), [None, pa.py_buffer(keys)])
    encoded = array.dictionary_encode()
    return to_numpy(encoded.dictionary), to_numpy(encoded.indices).astype(np.int64)


def _ballot_weights(table: Table, ballot: np.ndarray, n_ballots: int) -> np.ndarray | None:
    weights = table.weights()
    if weights is None:
        return None
    ballot_weights = np.empty(n_ballots)
    ballot_weights[ballot[::-1]] = weights[::-1]  # the first row of each ballot is written last
    differs = weights != ballot_weights[ballot]
    if differs.any():
        i = int(np.argmax(differs))
        raise table.error(
            i,
            f"the weight is {weights[i]:g}, but {ballot_weights[ballot[i]]:g} in an earlier row of "
            "the same prompt and annotator; give all rows of a ballot the same weight",
        )
    return ballot_weights
