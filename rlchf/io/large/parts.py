"""Where the prompts of stored rows begin, and the rankings of some prompts after the other."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rlchf.cleaning import Repeats, Skip
from rlchf.ids import clean_id
from rlchf.io.columns import as_text, to_numpy
from rlchf.io.datasets import tables_in_parts
from rlchf.io.joining import joined_entries, joined_tables
from rlchf.io.large.stored import StoredRows, batches
from rlchf.io.plain_rows import plain_columns
from rlchf.rankings import Rankings, Unranked


class Range(NamedTuple):
    """Some prompts that follow each other, and their rows.

    Attributes
    ----------
    number
        The number of the part.
    first_prompt, n_prompts
        The first of its prompts, and how many there are.
    start, stop
        Its first row, and the row after its last.
    """

    number: int
    first_prompt: int
    n_prompts: int
    start: int
    stop: int


@dataclass(frozen=True)
class Counting:
    """Which ballots count, as `rlchf.read_rankings` takes it."""

    unranked: Unranked = "missing"
    skip: Skip = "none"
    repeats: Repeats = "refuse"
    candidates: Mapping[str, Collection[str]] | None = None


def prompt_starts(rows: StoredRows) -> np.ndarray | None:
    """The row at which each prompt begins, if no prompt comes back after another one; else None.

    Two prompts may be taken for the same one, with a chance below one in a million for ten million prompts:
    their rows are then sorted without need.

    Returns
    -------
    (P + 1,) int64, with the number of rows at the end.
    """
    starts: list[np.ndarray] = []
    seen: list[np.ndarray] = []  # eight bytes of each prompt's id
    n_seen, checked, last = 0, 2**16, None
    for k, path in enumerate(rows.stored):
        name, at = rows.prompt_column(k), int(rows.starts[k])
        for batch in batches(path, [name]):
            texts = as_text(pa.chunked_array([batch.column(0)])).combine_chunks()
            heads, names = _heads(texts)
            if names and names[0] == last:
                heads, names = heads[1:], names[1:]
            last = names[-1] if names else last
            starts.append(at + heads)
            seen.append(np.fromiter(map(hash, names), np.int64, len(names)))
            n_seen, at = n_seen + len(names), at + len(batch)
            if n_seen > checked:
                if _repeats(seen):
                    return None
                checked = 2 * n_seen
    return None if _repeats(seen) else np.concatenate([*starts, [int(rows.starts[-1])]])


def _heads(texts: Any) -> tuple[np.ndarray, list[str]]:
    """Where a text differs from the one before, and these texts as ids."""
    differs = pc.not_equal(texts.slice(1), texts.slice(0, len(texts) - 1))
    inner = np.flatnonzero(to_numpy(pc.cast(differs, pa.uint8()))) + 1
    heads = np.concatenate([[0], inner]).astype(np.int64)[: len(texts)]
    names = [clean_id(text) for text in texts.take(pa.array(heads)).to_pylist()]
    new = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    return heads[new], [names[i] for i in new]


def _repeats(parts: list[np.ndarray]) -> bool:
    """Whether a number is there twice; the parts become one, in order."""
    parts[:] = [np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))]
    return bool((np.diff(parts[0]) == 0).any())


def ranges(starts: np.ndarray, rows: int, first: int = 0, last: int | None = None) -> list[Range]:
    """Parts of at most so many ``rows``, or of one prompt with more, of prompts ``first`` to ``last``.

    Examples
    --------
    >>> [(part.first_prompt, part.n_prompts) for part in ranges(np.array([0, 2, 4, 9, 10]), 4)]
    [(0, 2), (2, 1), (3, 1)]
    """
    last = len(starts) - 1 if last is None else last
    parts: list[Range] = []
    while first < last:
        end = int(np.searchsorted(starts, starts[first] + rows, side="right")) - 1
        end = min(max(end, first + 1), last)
        parts.append(Range(len(parts), first, end - first, int(starts[first]), int(starts[end])))
        first = end
    return parts


def read_parts(
    rows: StoredRows, parts: Sequence[Range], counting: Counting, source: str
) -> Iterator[tuple[Range, Rankings]]:
    """The rankings of parts that follow each other, in their order."""
    if not parts:
        return
    pieces = rows.pieces(parts[0].start, parts[-1].stop)
    rest: list[tuple[int, int, Any]] = []
    for part in parts:
        mine, wanted = [], part.stop - part.start
        while wanted:
            k, first, piece = rest.pop() if rest else next(pieces)
            if len(piece) > wanted:
                rest.append((k, first + wanted, piece.slice(wanted)))
                piece = piece.slice(0, wanted)
            mine.append((k, first, piece))
            wanted -= len(piece)
        yield part, _rankings(rows, mine, counting, source)


def _rankings(
    rows: StoredRows, pieces: Sequence[tuple[int, int, Any]], counting: Counting, source: str
) -> Rankings:
    """The rankings in some rows, as `rlchf.read_rankings` reads them."""
    tables, plan = rows.tables(pieces), rows.plans[0]
    groups = tables_in_parts([file.name for file in rows.files])
    numbers = {file.name: k for k, file in enumerate(rows.files)}
    found = []
    for names in groups:
        of_group = [tables[numbers[name]] for name in names if numbers[name] in tables]
        if not of_group:
            continue
        found.append(joined_tables(of_group, source if len(names) > 1 else of_group[0].source))
    if len(groups) == 1 and plan.format.name == "long" and counting.candidates is None:
        columns = plain_columns(found[0])
        if columns is not None:
            return Rankings(**{**columns, "source": source}, unranked=counting.unranked)
    entries = [plan.format.read(table, counting.unranked) for table in found]
    together = joined_entries(entries, source, by_pair=plan.format.by_pair)
    if len(groups) > 1 and len(entries) == 1:  # positions name the file, as they do in other parts
        together = replace(together, locate=together.position, source=source, names_files=True)
    candidates = counting.candidates
    if candidates is not None:  # of these prompts, since there may be many others
        candidates = {p: candidates[p] for p in together.prompt_ids if p in candidates}
    rankings = Rankings.from_entries(
        together,
        counting.unranked,
        skip=counting.skip,
        repeats=counting.repeats,
        candidates=candidates,
    )
    return replace(rankings, source=source)
