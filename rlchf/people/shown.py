"""What was on an annotator's screen: the position of each response, and the time that a ballot took."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlchf.display import listing
from rlchf.rankings import Rankings

COLUMNS = ("prompt_id", "annotator_id", "response_id", "position", "seconds")
"""Columns of such a table. It has the first two, and ``seconds`` or ``response_id`` and ``position``."""


@dataclass(frozen=True, eq=False)
class Shown:
    """Positions and times of a dataset's ballots.

    Attributes
    ----------
    keys, positions
        (N,) annotator times number of responses plus response, sorted, and the position of the response: 1 is
        what comes first to the reader. Empty if positions are not known.
    seconds
        (A,) the median time of each annotator's ballots; NaN if it is not known.
    unmatched
        Number of rows about prompts, annotators or responses that the ballots do not have.
    """

    keys: np.ndarray
    positions: np.ndarray
    seconds: np.ndarray
    unmatched: int

    @classmethod
    def of(cls, rankings: Rankings, columns: Mapping[str, Sequence[Any]]) -> "Shown":
        """Match a table with the ballots; rows that fit none are counted in a warning.

        Parameters
        ----------
        columns
            ``prompt_id`` and ``annotator_id``; ``response_id`` and ``position`` (a number, the smallest is
            shown first); ``seconds``, the time of the ballot, on one or all of its rows. A number may be
            missing (None or NaN).

        Raises
        ------
        ValueError
            If a column is missing, columns differ in length, a response has two positions for one annotator,
            or no row fits a ballot.

        Examples
        --------
        >>> rankings = Rankings.from_ballots([("p", "ann", "a > b")])
        >>> columns = {"prompt_id": ["p", "p"], "annotator_id": ["ann", "ann"], "response_id": ["b", "a"]}
        >>> shown = Shown.of(rankings, {**columns, "position": [1, 2], "seconds": [9, 9]})
        >>> shown.position(np.array([0]), np.array([1])), shown.seconds
        (array([1.]), array([9.]))
        """
        has_positions = _check(columns)
        annotator = {name: a for a, name in enumerate(rankings.annotator_ids)}
        a = np.array([annotator.get(str(x), -1) for x in columns["annotator_id"]], np.int64)
        p = np.array(
            [rankings.prompt_index.get(str(x), -1) for x in columns["prompt_id"]], np.int64
        )
        fits = (a >= 0) & (p >= 0)
        r = np.zeros(len(p), np.int64)
        if has_positions:
            r = _responses(rankings, p, columns["response_id"])
            fits &= r >= 0
        unmatched = int((~fits).sum())
        _tell(rankings, unmatched, len(p))
        keys, positions = np.zeros(0, np.int64), np.zeros(0)
        if has_positions:
            values = _numbers(columns["position"])
            known = fits & ~np.isnan(values)
            keys, positions = _sorted(rankings, a[known], r[known], values[known])
        seconds = np.full(len(annotator), np.nan)
        if "seconds" in columns:
            _medians(_numbers(columns["seconds"]), a, p, fits, seconds)
        return cls(keys, positions, seconds, unmatched)

    def position(self, keys_annotators: np.ndarray, responses: np.ndarray) -> np.ndarray:
        """(K,) the positions of responses, given as indices into ``response_ids``; NaN if not known."""
        if len(self.keys) == 0:
            return np.full(len(responses), np.nan)
        keys = _key(keys_annotators, responses)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.positions[at], np.nan)


def _check(columns: Mapping[str, Sequence[Any]]) -> bool:
    """Whether there are positions; refuse a table that does not have what it should."""
    names = [name for name in COLUMNS if name in columns]
    positions = "response_id" in names and "position" in names
    if not {"prompt_id", "annotator_id"} <= set(names) or not (positions or "seconds" in names):
        raise ValueError(
            "a table of what was shown has the columns prompt_id, annotator_id, response_id and position, or "
            f"prompt_id, annotator_id and seconds, or all of them; found {listing(map(str, columns))}"
        )
    lengths = {name: len(columns[name]) for name in names}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns of what was shown differ in length: {lengths}")
    return positions


def _responses(rankings: Rankings, prompts: np.ndarray, ids: Sequence[Any]) -> np.ndarray:
    """(N,) responses as indices into ``response_ids``; -1 for those that the prompt does not have."""
    starts = rankings.response_starts.tolist()
    index = {
        (p, rankings.response_ids[r]): r
        for p in np.unique(prompts[prompts >= 0]).tolist()
        for r in range(starts[p], starts[p + 1])
    }
    return np.array(
        [index.get((p, str(x)), -1) for p, x in zip(prompts.tolist(), ids, strict=True)], np.int64
    )


def _tell(rankings: Rankings, unmatched: int, n: int) -> None:
    """Refuse a table none of whose rows fits a ballot; warn of rows that do not."""
    if unmatched == n:
        raise ValueError(
            f"{rankings.source}: none of the {n:,} rows about what was shown is about a prompt, annotator "
            f"and "
            "response of the ballots; check the ids"
        )
    if unmatched:
        warnings.warn(
            f"{rankings.source}: {unmatched:,} of {n:,} rows about what was shown are about prompts, "
            f"annotators "
            "or responses that the ballots do not have",
            stacklevel=3,
        )


def _numbers(values: Sequence[Any]) -> np.ndarray:
    return np.array([np.nan if v is None else float(v) for v in values])


def _key(annotators: np.ndarray, responses: np.ndarray) -> np.ndarray:
    return np.asarray((annotators.astype(np.int64) << 32) | responses)


def _sorted(
    rankings: Rankings, a: np.ndarray, r: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    keys = _key(a, r)
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    again = (keys[1:] == keys[:-1]) & (values[1:] != values[:-1])
    if again.any():
        key = int(keys[1:][int(np.argmax(again))])
        raise ValueError(
            f"{rankings.source}: response {rankings.response_ids[key & (2**32 - 1)]!r} was shown to "
            f"annotator "
            f"{rankings.annotator_ids[key >> 32]!r} in two positions; give one for each"
        )
    first = np.append(True, keys[1:] != keys[:-1])[: len(keys)]
    return keys[first], values[first]


def _medians(
    values: np.ndarray, a: np.ndarray, p: np.ndarray, fits: np.ndarray, seconds: np.ndarray
) -> None:
    """Fill the median over each annotator's prompts of the longest time that the rows of a prompt state."""
    known = fits & ~np.isnan(values)
    cells, place = np.unique(np.stack([a[known], p[known]]), axis=1, return_inverse=True)
    longest = np.full(cells.shape[1], -np.inf)
    np.maximum.at(longest, place.ravel(), values[known])
    for annotator in np.unique(cells[0]).tolist():
        seconds[annotator] = float(np.median(longest[cells[0] == annotator]))
