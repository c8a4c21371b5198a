"""Tables with a column per response."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.files import shown
from rlchf.io.formats._ids import annotators_of, n_rows, prompts_of
from rlchf.io.patterns import PEOPLE, TOOLS

EMPTY = -(2.0**1000)
"""What stands for an empty cell."""


def other_columns(names: Sequence[str]) -> Mapping[str, str]:
    """The columns of responses, where the user has not said which these are: all of them."""
    return {name: name for name in names}


def read_columns(
    table: Table, hint: str, allowed: Callable[[np.ndarray, int], np.ndarray], kind: str
) -> Entries:
    """Read a ballot per row: a number in the column of each response that is ranked or scored.

    Parameters
    ----------
    hint
        What a cell should be, for messages.
    allowed
        Whether each number may stand in a table of so many columns.
    kind
        "entry_ranks", "entry_scores" or "entry_approvals".
    """
    names = [name for name in table.columns if name not in PEOPLE]
    _refuse_columns_of_tools(table, names)
    table = without_labels(table)
    choose = (
        f"{hint}; if the column holds no response, name those that do with --columns responses=A|B|C, or say "
        "what it holds, as in annotator_id=voter"
    )
    values = np.stack([table.numbers(name, choose, empty=EMPTY) for name in names], axis=1)
    filled = values != EMPTY  # (rows, responses)
    n = len([name for name in table.names if name and name not in PEOPLE])  # some may be left out
    _refuse_numbers(table, names, values, filled & ~allowed(values, n), choose)
    _warn_of_others(table, names)
    if kind == "entry_ranks":
        _warn_of_scores(table, values, filled)
    rows, responses = np.nonzero(filled)
    return row_ballots(table, rows, responses, names, **{kind: values[rows, responses]})


def _warn_of_others(table: Table, names: Sequence[str]) -> None:
    """Name the columns that are not read, if rows may then seem to be of people who are not known."""
    taken = {*PEOPLE, *table.columns}
    others = [name for name in table.names if name and name not in taken]
    if others and "annotator_id" not in table.columns:
        warnings.warn(
            f"{table.source}: each row is another annotator's, and {', '.join(others)} are not read; if one "
            f"of them says whose the row is, add annotator_id={others[0]} to --columns",
            stacklevel=6,
        )


def _warn_of_scores(table: Table, values: np.ndarray, filled: np.ndarray) -> None:
    """Ranks without a first place on most ballots may be scores."""
    best = np.where(filled, values, np.inf).min(axis=1)
    ballots = filled.sum(axis=1) > 1
    high = int((best[ballots] > 1.5).sum())
    if 2 * high > int(ballots.sum()):
        warnings.warn(
            f"{table.source}: {high} of {int(ballots.sum())} ballots give no response the rank 1; if the "
            "cells are scores, higher is better, read them with --format wide_scores",
            stacklevel=6,
        )


def row_ballots(
    table: Table, rows: np.ndarray, responses: np.ndarray, response_ids: list[str], **values: Any
) -> Entries:
    """The entries of a table whose rows are ballots.

    Parameters
    ----------
    rows, responses
        (E,) the row and the response of each entry; a row without any is a blank ballot.
    values
        The entries' ranks or scores.
    """
    prompts, prompt = prompts_of(table)
    annotators, annotator = annotators_of(table)
    counts = table.counts()
    return Entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=response_ids,
        ballot_prompts=prompt,
        ballot_annotators=annotator,
        ballot_weights=table.weights(),
        ballot_counts=None if counts is None else counts.astype(np.int64),
        entry_ballots=rows,
        entry_responses=responses,
        source=table.source,
        locate=lambda entry: table.row(int(rows[entry])),
        locate_ballot=table.row,
        **values,
    )


def without_labels(table: Table) -> Table:
    """The table without the two rows of labels that Qualtrics writes below the header."""
    labels = 2
    if n_rows(table) <= labels:
        return table
    seconds = [str(c[1]) for c in table.columns.values() if not isinstance(c, list)]
    if not any(cell.startswith('{"ImportId"') for cell in seconds):
        return table
    columns = {name: column[labels:] for name, column in table.columns.items()}
    return replace(table, columns=columns, row=lambda i: table.row(i + labels))


def _refuse_columns_of_tools(table: Table, names: Sequence[str]) -> None:
    if len(names) < 2:
        raise ValueError(
            f"{table.source}: there should be a column for each response besides "
            f"{', '.join(PEOPLE)}; found {', '.join(table.names)}"
        )
    added = [name for name in names if name.strip().lower() in TOOLS or _is_row_number(table, name)]
    if added:
        others = [name for name in names if name not in added]
        raise ValueError(
            f"{table.source}: {', '.join(added)} look like columns about the rows, not like responses; name "
            f"those of the responses with --columns, such as responses={'|'.join(others[:3]) or 'A|B|C'} "
            "or responses=Q5_*"
        )


def _is_row_number(table: Table, name: str) -> bool:
    """Whether a column counts the rows: 1, 2, 3, ..., of four rows or more."""
    column = table.columns[name]
    if isinstance(column, list) or len(column) < 4:
        return False
    texts = [str(cell).strip() for cell in column.to_pylist()]
    return texts == [str(i) for i in range(1, len(texts) + 1)]


def _refuse_numbers(
    table: Table, names: Sequence[str], values: np.ndarray, bad: np.ndarray, hint: str
) -> None:
    if bad.any():
        i, j = (int(index[0]) for index in np.nonzero(bad))
        rows = int(bad.any(axis=1).sum())
        more = f" (and so in {rows} rows)" if rows > 1 else ""
        raise table.error(
            i, f"{shown(names[j])} is {values[i, j]:g} among {len(names)} responses{more}; {hint}"
        )
