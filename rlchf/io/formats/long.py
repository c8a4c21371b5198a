"""The long table: one row for each response that an annotator ranked or scored."""

import math
import re

import numpy as np
import pyarrow as pa

from rlchf.entries import Entries
from rlchf.io.columns import Table, to_numpy
from rlchf.io.files import shown
from rlchf.io.formats import Format
from rlchf.io.ranks import check_ranks

_COMPARES = re.compile(r"\s[<>=≻≺≽≼]+\s")
RANK_HINT = "give a number, 1 is best, or leave the row out"
SCORE_HINT = "give a number, higher is better, or leave the row out"


def read_long(table: Table, unranked: str) -> Entries:
    """Read columns ``prompt_id, annotator_id, response_id`` and one of ``rank`` or ``score``.

    A column ``approval`` (1, 0, -1) or ``approved`` says what the annotator thinks of the response by
    itself, ``strength`` how strongly a ballot prefers one of two responses, and ``probability`` with what
    probability. A column ``ballot_id``
    tells several ballots of an annotator on a prompt apart; ``count`` says for how many identical ballots
    each stands.

    Raises
    ------
    ValueError
        If both columns are there or neither, a rank is below 1, or the rows of one ballot differ in
        weight.
    """
    table.require("prompt_id", "annotator_id", "response_id")
    if "rank" in table.names and "score" in table.names:
        raise ValueError(
            f"{table.source}: has both a column 'rank' and a column 'score'; "
            "keep the one that says what the annotators meant"
        )
    if "score" in table.names:
        return gather_rows(table, entry_scores=table.numbers("score", SCORE_HINT, empty=math.nan))
    ranks = table.numbers("rank", RANK_HINT, empty=math.nan)
    return check_ranks(gather_rows(table, entry_ranks=ranks))


def gather_rows(
    table: Table, entry_ranks: np.ndarray | None = None, entry_scores: np.ndarray | None = None
) -> Entries:
    """Gather one ballot from all rows with the same prompt, annotator and, if given, ``ballot_id``.

    Without ranks and scores responses are ordered by approval. Ranks and scores are NaN where a cell is
    empty.
    """
    prompts, prompt = table.ids("prompt_id")
    annotators, annotator = table.ids("annotator_id")
    responses, response = table.ids("response_id")
    refuse_rankings(table, responses, response)
    keys, ballots_of_each = prompt * len(annotators) + annotator, 1
    if "ballot_id" in table.names:
        ids, codes = table.ids("ballot_id")
        keys, ballots_of_each = keys * len(ids) + codes, len(ids)
    ballot_keys, ballot = _codes(keys)
    owners = ballot_keys // ballots_of_each
    n_ballots = len(ballot_keys)
    counts = _ballot_values(table, "count", table.counts(), ballot, n_ballots)
    return Entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=responses,
        ballot_prompts=owners // len(annotators),
        ballot_annotators=owners % len(annotators),
        ballot_weights=_ballot_values(table, "weight", table.weights(), ballot, n_ballots),
        ballot_counts=None if counts is None else counts.astype(np.int64),
        ballot_strengths=_ballot_values(table, "strength", table.strengths(), ballot, n_ballots),
        ballot_probabilities=_ballot_values(
            table, "probability", table.probabilities(), ballot, n_ballots
        ),
        ballot_parts=np.arange(n_ballots),
        entry_ballots=ballot,
        entry_responses=response,
        entry_ranks=entry_ranks,
        entry_scores=entry_scores,
        entry_approvals=table.approvals(),
        source=table.source,
        locate=table.row,
    )


def is_plain_id(name: str) -> bool:
    """Whether a text can be a response's id in a table: it is not blank and does not read as a ranking.

    Examples
    --------
    >>> is_plain_id("a > b"), is_plain_id("a, b")
    (False, True)
    """
    return bool(name.strip()) and not reads_as_ranking(name)


def reads_as_ranking(name: str) -> bool:
    """Whether an id has a >, < or = between spaces, as a ranking in text has."""
    return bool(_COMPARES.search(name))


def refuse_rankings(
    table: Table, ids: list[str], codes: np.ndarray, rows: np.ndarray | None = None
) -> None:
    """Refuse a response id that reads as a ranking, such as ``a > b``: a ballot in the wrong column.

    ``codes`` are the ids' codes in the rows, possibly of several columns laid end to end, or in those that
    ``rows`` gives.

    Raises
    ------
    ValueError
        If an id has a >, < or = between spaces; the message says in which row.
    """
    for code, name in enumerate(ids):
        if reads_as_ranking(name):
            entry = int(np.argmax(codes == code))
            row = entry % len(next(iter(table.columns.values()))) if rows is None else rows[entry]
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


def _ballot_values(
    table: Table, name: str, values: np.ndarray | None, ballot: np.ndarray, n_ballots: int
) -> np.ndarray | None:
    """(N,) the value of each ballot, from rows that must agree on it."""
    if values is None:
        return None
    of_ballots = np.empty(n_ballots)
    of_ballots[ballot[::-1]] = values[::-1]  # the first row of each ballot is written last
    differs = (values != of_ballots[ballot]) & ~(np.isnan(values) & np.isnan(of_ballots[ballot]))
    if differs.any():
        i = int(np.argmax(differs))
        raise table.error(
            i,
            f"the {name} is {values[i]:g}, but {of_ballots[ballot[i]]:g} in an earlier row of "
            f"the same prompt and annotator; give all rows of a ballot the same {name}",
        )
    return of_ballots


FORMAT = Format(
    name="long",
    shape="response_id and rank or score",
    columns=(
        "response_id",
        "rank",
        "score",
        "approval",
        "approved",
        "strength",
        "probability",
        "ballot_id",
        "count",
    ),
    marks=("rank", "score"),
    read=read_long,
)
