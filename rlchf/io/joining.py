"""Ballots and tables of several files, laid end to end."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa

from rlchf.entries import Entries
from rlchf.io.columns import Table, as_text
from rlchf.profiles import UNSTATED
from rlchf.rankings import ANONYMOUS

_CODES = pa.dictionary(pa.int32(), pa.string())


def joined_entries(parts: Sequence[Entries], source: str, *, by_pair: bool = False) -> Entries:
    """The ballots of several files as those of one dataset; annotators that are not known stay apart.

    What an annotator says of a prompt in two files, or ``by_pair`` of two responses of it, is a repeat.

    Raises
    ------
    ValueError
        If some files give ranks and others scores or approvals alone.

    Examples
    --------
    >>> from rlchf.io.frames import read_frame
    >>> row = {"annotator_id": "ann", "chosen": "a", "rejected": "b"}
    >>> days = [read_frame([{"prompt_id": p, **row}], "auto", "missing") for p in "qp"]
    >>> joined = joined_entries(days, "two days")
    >>> list(joined.prompt_ids), joined.ballot_prompts.tolist(), joined.position(2)
    (['q', 'p'], [0, 1], 'table, row 1')
    """
    if len(parts) == 1:
        return parts[0]
    _refuse_mixtures(parts)
    prompts, of_prompts = _merged([part.prompt_ids for part in parts])
    annotators, of_annotators = _merged(_known_apart([part.annotator_ids for part in parts]))
    responses, of_responses = _merged([part.response_ids for part in parts])
    n_ballots = [len(part.ballot_prompts) for part in parts]
    ballot_starts = np.cumsum([0, *n_ballots])
    entry_starts = np.cumsum([0, *(len(part.entry_ballots) for part in parts)])

    def locate(entry: int) -> str:
        k = int(np.searchsorted(entry_starts, entry, side="right")) - 1
        return parts[k].position(entry - int(entry_starts[k]))

    def column(name: str, default: Any, dtype: Any) -> np.ndarray | None:
        of_entries = name.startswith("entry")
        sizes = np.diff(entry_starts) if of_entries else n_ballots
        values = [getattr(part, name) for part in parts]
        if all(value is None for value in values):
            return None
        filled = [
            np.full(size, default, dtype) if value is None else value
            for value, size in zip(values, sizes, strict=True)
        ]
        whole: np.ndarray = np.concatenate(filled)
        return whole

    def locate_ballot(ballot: int) -> str:
        k = int(np.searchsorted(ballot_starts, ballot, side="right")) - 1
        locate_in_file = parts[k].locate_ballot
        assert locate_in_file is not None
        position = locate_in_file(ballot - int(ballot_starts[k]))
        return position if parts[k].names_files else f"{parts[k].source}, {position}"

    together = Entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=responses,
        ballot_prompts=_recoded([part.ballot_prompts for part in parts], of_prompts),
        ballot_annotators=_recoded([part.ballot_annotators for part in parts], of_annotators),
        entry_responses=_recoded([part.entry_responses for part in parts], of_responses),
        entry_ballots=np.concatenate(
            [part.entry_ballots + start for part, start in zip(parts, ballot_starts, strict=False)]
        ),
        entry_ranks=column("entry_ranks", np.nan, np.float64),
        entry_scores=column("entry_scores", np.nan, np.float64),
        entry_approvals=column("entry_approvals", UNSTATED, np.int8),
        ballot_weights=column("ballot_weights", 1.0, np.float64),
        ballot_counts=column("ballot_counts", 1, np.int64),
        ballot_strengths=column("ballot_strengths", np.nan, np.float64),
        ballot_probabilities=column("ballot_probabilities", 1.0, np.float64),
        listed=_listed(parts, of_prompts, of_responses),
        sort_responses=all(part.sort_responses for part in parts),
        source=source,
        locate=locate,
        locate_ballot=locate_ballot if all(part.locate_ballot for part in parts) else None,
        names_files=True,
    )
    return replace(together, ballot_parts=_parts(together, n_ballots, by_pair))


def _listed(
    parts: Sequence[Entries], of_prompts: Sequence[np.ndarray], of_responses: Sequence[np.ndarray]
) -> np.ndarray | None:
    """The responses that are on offer in any of the files."""
    listed = [
        np.stack([prompts[part.listed[:, 0]], responses[part.listed[:, 1]]], axis=1)
        for part, prompts, responses in zip(parts, of_prompts, of_responses, strict=True)
        if part.listed is not None
    ]
    return np.concatenate(listed) if listed else None


def _parts(entries: Entries, n_ballots: Sequence[int], by_pair: bool) -> np.ndarray:
    """(N,) codes under which an annotator's ballots on a prompt in two files repeat each other.

    A ballot repeats that of another file with the same number among the annotator's ballots on the prompt,
    or on the two responses.
    """
    prompts, annotators = entries.ballot_prompts, entries.ballot_annotators
    pair = np.zeros(len(prompts), dtype=np.int64)
    if by_pair:
        low = np.full(len(prompts), len(entries.response_ids))
        high = np.full(len(prompts), -1)
        np.minimum.at(low, entries.entry_ballots, entries.entry_responses)
        np.maximum.at(high, entries.entry_ballots, entries.entry_responses)
        pair = np.unique(low * (len(entries.response_ids) + 2) + high, return_inverse=True)[1]
    file = np.repeat(np.arange(len(n_ballots)), n_ballots)
    keys = np.stack([file, prompts, annotators, pair])
    keys = np.unique(keys, axis=1, return_inverse=True)[1].ravel()
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    nth = np.empty(len(keys), dtype=np.int64)
    nth[order] = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    return np.asarray(np.unique(np.stack([pair, nth]), axis=1, return_inverse=True)[1]).ravel()


def _refuse_mixtures(parts: Sequence[Entries]) -> None:
    def kind(part: Entries) -> str:
        if part.entry_scores is not None:
            return "scores"
        return "approvals without ranks" if part.entry_ranks is None else "ranks"

    for part in parts[1:]:
        if kind(part) != kind(parts[0]):
            raise ValueError(
                f"{parts[0].source} gives {kind(parts[0])}, but {part.source} {kind(part)}; give files of "
                "one kind"
            )


def _known_apart(ids: Sequence[Sequence[str]]) -> list[list[str]]:
    """The annotators of each file, with those that are not known numbered through all files."""
    n = 0
    apart = []
    for names in ids:
        unknown = [name for name in names if name.startswith(ANONYMOUS)]
        numbers = {name: f"{ANONYMOUS}{i}" for i, name in enumerate(unknown, start=n + 1)}
        n += len(unknown)
        apart.append([numbers.get(name, name) for name in names] if unknown else list(names))
    return apart


def _merged(ids: Sequence[Sequence[str]]) -> tuple[list[str], list[np.ndarray]]:
    """Distinct ids of all files in order of appearance, and for each file the new codes of its own."""
    index: dict[str, int] = {}
    codes = [
        np.array([index.setdefault(name, len(index)) for name in names], dtype=np.int64)
        for names in ids
    ]
    return list(index), codes


def _recoded(columns: Sequence[np.ndarray], codes: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([new[column] for column, new in zip(columns, codes, strict=True)])


def joined_tables(tables: Sequence[Table], source: str) -> Table:
    """The rows of the parts of one table, which have the same columns.

    Raises
    ------
    ValueError
        If a part lacks a column that another has.
    """
    if len(tables) == 1:
        return tables[0]
    names = tables[0].columns.keys()
    for table in tables[1:]:
        if table.columns.keys() != names:
            lacking = sorted(names ^ table.columns.keys())
            raise ValueError(
                f"{table.source}: the columns differ from those of {tables[0].source}, as to "
                f"{', '.join(lacking)}; give parts of one table"
            )
    starts = np.cumsum([0, *map(_length, tables)])

    def row(i: int) -> str:
        k = int(np.searchsorted(starts, i, side="right")) - 1
        return f"{PurePath(tables[k].source).name}, {tables[k].row(i - int(starts[k]))}"

    columns = {name: _stacked([table.columns[name] for table in tables]) for name in names}
    return replace(tables[0], source=source, columns=columns, row=row)


def _length(table: Table) -> int:
    return len(next(iter(table.columns.values()), []))


def _stacked(columns: Sequence[Any]) -> Any:
    if any(isinstance(column, list) for column in columns):
        return [
            cell
            for column in columns
            for cell in (column if isinstance(column, list) else column.to_pylist())
        ]
    types = {column.type for column in columns}
    if len(types) > 1 and _CODES in types:  # a large part, whose ids are codes, beside smaller ones
        columns = [c if c.type == _CODES else as_text(c).dictionary_encode() for c in columns]
    elif len(types) > 1:
        columns = [as_text(column) for column in columns]
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks])
