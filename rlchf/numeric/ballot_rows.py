"""Coded rows of a long table, gathered into ballots by compiled loops that look at each row a few times.

Nothing is compared but the values within a ballot: rows of a prompt that do not stand together are brought
together by counting. The loops find what makes rows no plain ballots, and leave it to others to say it.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from rlchf.numeric.segments import offsets

LEAST_SENTINEL = 9
"""The smallest rank that may stand for "not ranked"."""
SHORT = 32
"""Number of entries up to which insertion is the fastest way to sort."""


class Rows(NamedTuple):
    """The rows of a long table, those of each prompt together.

    Attributes
    ----------
    starts
        (P + 1,) where each prompt's rows begin.
    annotators, responses
        (E,) int32 codes in the rows.
    values
        (E,) float64 or int32, the smallest is best.
    """

    starts: np.ndarray
    annotators: np.ndarray
    responses: np.ndarray
    values: np.ndarray


class Ballots(NamedTuple):
    """Ballots as `rlchf.Rankings` has them, and (E,) the rows of their entries."""

    ballot_starts: np.ndarray
    ballot_annotators: np.ndarray
    entry_starts: np.ndarray
    entry_responses: np.ndarray
    entry_ranks: np.ndarray
    entry_rows: np.ndarray
    response_starts: np.ndarray
    responses: np.ndarray


def prompt_starts(prompts: np.ndarray, n_prompts: int) -> tuple[np.ndarray, bool]:
    """Where the rows of each prompt begin once they stand together, and whether they do so in order already.

    Parameters
    ----------
    prompts
        (E,) int32 codes.

    Examples
    --------
    >>> starts, in_order = prompt_starts(np.array([0, 1, 0], dtype=np.int32), 2)
    >>> starts.tolist(), in_order
    ([0, 2, 3], False)
    """
    sizes, in_order = _numbers_of_rows(prompts, n_prompts)
    return offsets(sizes), in_order


@njit(cache=True, nogil=True)
def _numbers_of_rows(prompts: np.ndarray, n_prompts: int) -> tuple[np.ndarray, bool]:
    """(P,) the number of rows of each prompt, and whether the rows are in the order of the prompts."""
    sizes = np.zeros(n_prompts, dtype=np.int64)
    in_order = True
    last = 0
    for p in prompts:
        sizes[p] += 1
        in_order &= p >= last
        last = p
    return sizes, in_order


@njit(cache=True, nogil=True)
def together(column: np.ndarray, prompts: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(E,) the values of a column by prompt, those of a prompt in their order: a counting sort.

    Examples
    --------
    >>> together(np.array([7, 8, 9]), np.array([0, 1, 0], dtype=np.int32), np.array([0, 2, 3])).tolist()
    [7, 9, 8]
    """
    free = starts[:-1].copy()
    moved = np.empty_like(column)
    for row in range(len(prompts)):
        p = prompts[row]
        moved[free[p]] = column[row]
        free[p] += 1
    return moved


def gathered(
    rows: Rows, n_annotators: int, n_responses: int, *, ranks: bool = True
) -> Ballots | None:
    """The rows as ballots: those of an annotator on a prompt are one, in the order in which they come.

    Each prompt's responses are listed in the order of their codes.

    Returns
    -------
    The ballots, or None where a prompt has one response only or a ballot names a response twice; or where the
    ``ranks`` above the sizes of their ballots are all the same number, from 9, which may mean "not ranked".

    Examples
    --------
    >>> codes = np.array([0, 1, 0, 1], dtype=np.int32)
    >>> ballots = gathered(Rows(np.array([0, 4]), np.sort(codes), codes, np.array([2.0, 1, 1, 1])), 2, 2)
    >>> ballots.entry_starts.tolist(), ballots.entry_responses.tolist(), ballots.entry_ranks.tolist()
    ([0, 2, 4], [1, 0, 0, 1], [1, 2, 1, 1])
    """
    n_ballots, n_listed = _sizes(rows, n_annotators, n_responses)
    if (n_listed < 2).any() or (n_listed >= np.iinfo(np.int16).max).any():
        return None
    ballots = Ballots(
        ballot_starts=offsets(n_ballots),
        ballot_annotators=np.empty(int(n_ballots.sum()), dtype=np.int64),
        entry_starts=np.zeros(int(n_ballots.sum()) + 1, dtype=np.int64),
        entry_responses=np.empty(len(rows.values), dtype=np.int32),
        entry_ranks=np.empty(len(rows.values), dtype=np.int16),
        entry_rows=np.empty(len(rows.values), dtype=np.int32),
        response_starts=offsets(n_listed),
        responses=np.empty(int(n_listed.sum()), dtype=np.int32),
    )
    is_plain, lowest, highest = _fill(rows, ballots, n_annotators, n_responses)
    is_single = ranks and lowest == highest and lowest >= LEAST_SENTINEL
    return ballots if is_plain and not is_single else None


@njit(cache=True, nogil=True)
def _sizes(rows: Rows, n_annotators: int, n_responses: int) -> tuple[np.ndarray, np.ndarray]:
    """(P,) the numbers of ballots and of responses of each prompt."""
    n_prompts = len(rows.starts) - 1
    n_ballots = np.zeros(n_prompts, dtype=np.int64)
    n_listed = np.zeros(n_prompts, dtype=np.int64)
    voted = np.full(n_annotators, -1, dtype=np.int32)
    named = np.full(n_responses, -1, dtype=np.int32)
    for p in range(n_prompts):
        for row in range(rows.starts[p], rows.starts[p + 1]):
            a, r = rows.annotators[row], rows.responses[row]
            n_ballots[p] += voted[a] != p
            n_listed[p] += named[r] != p
            voted[a] = p
            named[r] = p
    return n_ballots, n_listed


@njit(cache=True, nogil=True)
def _fill(
    rows: Rows, ballots: Ballots, n_annotators: int, n_responses: int
) -> tuple[bool, float, float]:
    """Write the ballots of all prompts, which fails if one names a response twice.

    Returns
    -------
    Whether it succeeded, and the lowest and the highest of the values above their ballots' sizes.
    """
    lowest, highest = np.inf, -np.inf
    slots = np.full(
        n_annotators, -1, dtype=np.int64
    )  # the ballot of each annotator, and earlier ones
    places = np.full(n_responses, -1, dtype=np.int32)
    last = np.full(n_responses, -1, dtype=np.int64)  # the last ballot that names each response
    for p in range(len(rows.starts) - 1):
        _list_responses(rows, ballots, p, places)
        _number_ballots(rows, ballots, p, slots)
        for b in range(ballots.ballot_starts[p], ballots.ballot_starts[p + 1]):
            entries = ballots.entry_rows[ballots.entry_starts[b] : ballots.entry_starts[b + 1]]
            _sort(entries, rows.values)
            first = ballots.entry_starts[b]
            rank = 0
            for x in range(len(entries)):
                row = entries[x]
                r, value = rows.responses[row], rows.values[row]
                if last[r] == b:
                    return False, lowest, highest
                last[r] = b
                if value > len(entries):
                    lowest, highest = min(lowest, value), max(highest, value)
                rank += x == 0 or value != rows.values[entries[x - 1]]
                ballots.entry_responses[first + x] = places[r]
                ballots.entry_ranks[first + x] = rank
    return True, lowest, highest


@njit(cache=True, nogil=True)
def _list_responses(rows: Rows, ballots: Ballots, p: int, places: np.ndarray) -> None:
    """List a prompt's responses by their codes, and note the place of each."""
    begin, end = ballots.response_starts[p], ballots.response_starts[p + 1]
    listed = ballots.responses[begin:end]
    n = 0
    for row in range(rows.starts[p], rows.starts[p + 1]):
        r = rows.responses[row]
        place = places[r]
        if place < 0 or place >= n or listed[place] != r:
            places[r] = n
            listed[n] = r
            n += 1
    listed.sort()
    for place in range(n):
        places[listed[place]] = place


@njit(cache=True, nogil=True)
def _number_ballots(rows: Rows, ballots: Ballots, p: int, slots: np.ndarray) -> None:
    """Number a prompt's ballots in the order in which they come, and bring the rows of each together."""
    first, begin, end = ballots.ballot_starts[p], rows.starts[p], rows.starts[p + 1]
    new = first
    ends = ballots.entry_starts[first + 1 : ballots.ballot_starts[p + 1] + 1]
    for row in range(begin, end):
        a = rows.annotators[row]
        if slots[a] < first:
            slots[a] = new
            ballots.ballot_annotators[new] = a
            new += 1
        ends[slots[a] - first] += 1
    place = begin
    for b in range(len(ends)):  # where each ballot begins, which is moved to its end below
        size = ends[b]
        ends[b] = place
        place += size
    for row in range(begin, end):
        b = slots[rows.annotators[row]] - first
        ballots.entry_rows[ends[b]] = row
        ends[b] += 1


@njit(cache=True, nogil=True)
def _sort(entries: np.ndarray, values: np.ndarray) -> None:
    """Sort the rows of a ballot by their values; equal ones stay in their order."""
    if len(entries) > SHORT:
        entries[:] = entries[np.argsort(values[entries], kind="mergesort")]
        return
    for x in range(1, len(entries)):
        row = entries[x]
        y = x
        while y > 0 and values[entries[y - 1]] > values[row]:
            entries[y] = entries[y - 1]
            y -= 1
        entries[y] = row
