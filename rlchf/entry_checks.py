"""Whether the columns of `rlchf.entries.Entries` fit together, before anything is computed with them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rlchf.entries import Entries

MOST_COUNTED = 2**53
"""What numbers of identical ballots may add up to, so that floats count them exactly."""
_CODES = {
    "ballot_prompts": "prompt_ids",
    "ballot_annotators": "annotator_ids",
    "entry_ballots": "ballot_prompts",
    "entry_responses": "response_ids",
}
_OF_BALLOTS = (
    "ballot_annotators",
    "ballot_weights",
    "ballot_counts",
    "ballot_strengths",
    "ballot_probabilities",
    "ballot_parts",
)
_OF_ENTRIES = ("entry_responses", "entry_ranks", "entry_scores", "entry_approvals")


def checked_columns(entries: Entries) -> Entries:
    """The same entries, whose columns are arrays of the right lengths and whose codes are in range.

    Raises
    ------
    ValueError
        If a column has another length or no codes where it should, a code is out of range, an id comes
        twice, or the counts are no whole numbers from 1 that can be added up. The message names the column.

    Examples
    --------
    >>> two = np.array([0, 1])
    >>> entries = Entries(["p"], ["ann"], ["a", "b"], two * 0, two, two * 0, two, two)
    >>> checked_columns(entries)
    Traceback (most recent call last):
        ...
    ValueError: rankings: ballot_annotators[1] is 1, but annotator_ids has 1; give indices from 0 to 0
    """
    columns: dict[str, Any] = {name: _codes(entries, name) for name in _CODES}
    for name in {*_OF_BALLOTS, *_OF_ENTRIES} - {*_CODES}:
        if getattr(entries, name) is not None:
            columns[name] = np.asarray(getattr(entries, name))
    for names, of in ((_OF_BALLOTS, "ballot_prompts"), (_OF_ENTRIES, "entry_ballots")):
        for name in names:
            _check_length(entries, name, columns.get(name), of, len(columns[of]))
    for name in ("prompt_ids", "annotator_ids", "response_ids"):
        _check_ids(entries, name, getattr(entries, name))
    if "ballot_counts" in columns:
        _check_counts(entries, columns["ballot_counts"])
    for name, ids in _CODES.items():
        _check_range(entries, name, columns[name], ids, len(getattr(entries, ids)))
    if entries.listed is not None:
        columns["listed"] = _checked_listed(entries, np.asarray(entries.listed))
    return replace(entries, **columns)


def _codes(entries: Entries, name: str) -> np.ndarray:
    codes = np.asarray(getattr(entries, name))
    if len(codes) == 0 and codes.ndim == 1:
        return codes.astype(np.int64)
    if codes.dtype.kind not in "iu":
        raise ValueError(
            f"{entries.source}: {name} are of type {codes.dtype}; give whole numbers, which are indices"
        )
    return codes.astype(np.int64) if codes.dtype.kind == "u" else codes


def _check_length(entries: Entries, name: str, column: Any, of: str, length: int) -> None:
    if column is not None and column.shape != (length,):
        noun = "ballots" if of.startswith("ballot") else "entries"
        raise ValueError(
            f"{entries.source}: {name} has the shape {column.shape}, but {of} has {length:,} {noun}; give "
            "one value for each"
        )


def _check_ids(entries: Entries, name: str, ids: Sequence[str]) -> None:
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise ValueError(f"{entries.source}: {name} has {twice!r} twice; give each id once")


def _check_counts(entries: Entries, counts: np.ndarray) -> None:
    with np.errstate(invalid="ignore"):
        bad = ~((counts >= 1) & (counts == np.floor(counts)))
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(
            f"{entries.source}: ballot_counts[{i}] is {counts[i]}; give whole numbers from 1"
        )
    if counts.sum(dtype=np.float64) > MOST_COUNTED:
        raise ValueError(
            f"{entries.source}: the counts add up to more than 2**53, too many to be counted exactly; give "
            "weights"
        )


def _check_range(entries: Entries, name: str, codes: np.ndarray, ids: str, n: int) -> None:
    bad = (codes < 0) | (codes >= n)
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(
            f"{entries.source}: {name}[{i}] is {codes[i]}, but {ids} has {n:,}; give indices from 0 to "
            f"{n - 1}"
        )


def _checked_listed(entries: Entries, listed: np.ndarray) -> np.ndarray:
    if listed.size == 0:
        return listed.reshape(-1, 2).astype(np.int64)
    if listed.ndim != 2 or listed.shape[1] != 2 or listed.dtype.kind not in "iu":
        raise ValueError(
            f"{entries.source}: listed has the shape {listed.shape}; give pairs of a prompt's index and "
            "a response's"
        )
    for column, ids in enumerate(("prompt_ids", "response_ids")):
        _check_range(entries, "listed", listed[:, column], ids, len(getattr(entries, ids)))
    if entries.listed_names is not None and len(entries.listed_names) != len(listed):
        raise ValueError(
            f"{entries.source}: listed_names has {len(entries.listed_names):,}, but listed {len(listed):,}; "
            "give one name for each"
        )
    return listed
