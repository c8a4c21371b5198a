"""Rows that cannot count: refused all together, or left out and listed."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rlchf.candidates import with_offer
from rlchf.entries import ANONYMOUS, Entries
from rlchf.numeric.segments import taken
from rlchf.options import checked
from rlchf.profiles import UNSTATED
from rlchf.skipped import LONE, SHOWN, LeftOutWarning, NothingLeftError, Skipped, faults_text

Skip = Literal["none", "bad"]
"""What to leave out.

``bad``: blank ballots; empty ranks, scores and approvals; prompts with one response only. ``none``: nothing,
all these are refused.
"""

Repeats = Literal["refuse", "first", "last", "all"]
"""Which ballots count where an annotator has several on a prompt, by the order of the input.

In a long table, where the rows of an annotator on a prompt are one ballot, it is the rows on one response.
"""


@dataclass(frozen=True, eq=False)
class Fault:
    """Entries, or whole ballots, that cannot count for one reason."""

    reason: str
    indices: np.ndarray
    of_ballots: bool = False

    def count(self, entries: Entries) -> tuple[int, list[str]]:
        """How many there are, and where the first are."""
        first = [_position(entries, i, self.of_ballots) for i in self.indices[:SHOWN].tolist()]
        return len(self.indices), first

    def summary(self, entries: Entries) -> str:
        """How many there are, and where the first are, in words."""
        return faults_text(self.reason, *self.count(entries))

    def mask(self, entries: Entries) -> np.ndarray:
        """(E,) the entries that it is about."""
        mask = np.zeros(
            len(entries.ballot_prompts if self.of_ballots else entries.entry_ballots), bool
        )
        mask[self.indices] = True
        return mask[entries.entry_ballots] if self.of_ballots else mask


@dataclass(frozen=True, eq=False)
class LonePrompts(Fault):
    """The ballots on prompts that have one response only."""

    def count(self, entries: Entries) -> tuple[int, list[str]]:
        """How many prompts there are, and the ids of the first."""
        prompts = np.unique(entries.ballot_prompts[self.indices])
        return len(prompts), [repr(entries.prompt_ids[p]) for p in prompts[:SHOWN].tolist()]


def cleaned(
    entries: Entries, skip: Skip = "none", repeats: Repeats = "refuse"
) -> tuple[Entries, list[Skipped]]:
    """The entries that count, and the rows that do not.

    What is bad is left out before repeats are looked for. A response whose rank is empty stays on offer.
    A warning counts what is left out.

    Raises
    ------
    ValueError
        If there are bad rows that are not to be skipped, if there are repeats and it is not said which
        count, or if no ballot is left.
    """
    checked(Skip, skip, "skip")
    checked(Repeats, repeats, "repeats")
    if len(entries.ballot_prompts) == 0:
        return entries, []
    blank, empty = _blank_ballots(entries), _empty_cells(entries)
    keep = np.ones(len(entries.entry_ballots), dtype=bool)
    if empty:
        keep = ~empty.mask(entries)
        entries = with_offer(entries, empty.indices)
    repeated = _repeats(entries, keep, repeats)
    for fault in repeated:
        keep &= ~fault.mask(entries)
    lone = _lone_prompts(entries, keep)
    bad = [fault for fault in (blank, empty, lone) if fault]
    if bad and skip == "none":
        raise ValueError(_refusal(entries, bad))
    faults = [*bad, *repeated]
    if not faults:
        return entries, []
    for fault in bad:
        keep &= ~fault.mask(entries)
    kept = _kept(entries, keep)
    left_out = _left_out(entries, kept, faults)
    skipped = [row for fault in faults for row in _rows(entries, fault)]
    if not keep.any():
        problems = ", ".join(fault.summary(entries) for fault in faults)
        raise NothingLeftError(
            f"{entries.source}: no ballot is left without {problems}", left_out, skipped
        )
    warnings.warn(left_out, stacklevel=3)
    return kept, skipped


def _blank_ballots(entries: Entries) -> Fault | None:
    """Ballots without an entry."""
    lengths = np.bincount(entries.entry_ballots, minlength=len(entries.ballot_prompts))
    blank = np.flatnonzero(lengths == 0)
    return Fault("blank ballot", blank, of_ballots=True) if len(blank) else None


def _empty_cells(entries: Entries) -> Fault | None:
    """Entries without that by which responses are ordered: a rank, a score or an approval."""
    if entries.entry_ranks is not None:
        name, empty = "rank", np.isnan(entries.entry_ranks)
    elif entries.entry_scores is not None:
        name, empty = "score", np.isnan(entries.entry_scores)
    elif entries.entry_approvals is not None:
        name, empty = "approval", np.asarray(entries.entry_approvals) == UNSTATED
    else:
        return None  # which `Entries.checked` refuses
    return Fault(f"empty {name}", np.flatnonzero(empty)) if empty.any() else None


def _lone_prompts(entries: Entries, keep: np.ndarray) -> Fault | None:
    """The ballots on prompts that have one response only, among the entries to keep and what is on offer."""
    kept = slice(None) if keep.all() else keep
    prompts = np.asarray(entries.ballot_prompts)[entries.entry_ballots[kept]]
    responses = np.asarray(entries.entry_responses)[kept]
    voted = np.zeros(len(entries.prompt_ids), dtype=bool)
    voted[prompts] = True
    if entries.listed is not None:
        prompts = np.concatenate([prompts, entries.listed[:, 0]])
        responses = np.concatenate([responses, entries.listed[:, 1]])
    one = np.zeros(len(entries.prompt_ids), dtype=np.int64)
    one[prompts] = responses
    several = np.zeros(len(entries.prompt_ids), dtype=bool)
    several[prompts[responses != one[prompts]]] = True
    lone = voted & ~several
    if not lone.any():
        return None
    has_entries = np.zeros(len(entries.ballot_prompts), dtype=bool)
    has_entries[entries.entry_ballots[kept]] = True
    ballots = np.flatnonzero(lone[entries.ballot_prompts] & has_entries)
    return LonePrompts(LONE, ballots, of_ballots=True)


def _repeats(entries: Entries, keep: np.ndarray, repeats: Repeats) -> list[Fault]:
    """The repeated rows, and the repeated ballots, that do not count.

    Raises
    ------
    ValueError
        If there are some and it is not said which count.
    """
    rows = np.arange(len(keep)) if keep.all() else np.flatnonzero(keep)
    ballots = np.asarray(entries.entry_ballots, dtype=np.int64)[rows]
    keys = ballots * len(entries.response_ids) + entries.entry_responses[rows]
    faults = [Fault("repeated row", rows[_again(keys, repeats)])]
    if repeats != "all":
        has_entries = np.zeros(len(entries.ballot_prompts), dtype=bool)
        has_entries[ballots] = True
        voted = np.flatnonzero(has_entries & _known_annotator(entries))
        ballot_keys = _ballot_keys(entries)[voted]
        again = voted[_again(ballot_keys, repeats)]
        faults.append(Fault("repeated ballot", again, of_ballots=True))
    faults = [fault for fault in faults if len(fault.indices)]
    if faults and repeats in ("refuse", "all"):
        raise ValueError(_unresolved(entries, faults))
    return faults


def _ballot_keys(entries: Entries) -> np.ndarray:
    """(N,) numbers that are equal where an annotator votes again on the same part of a prompt."""
    prompts = np.asarray(entries.ballot_prompts, dtype=np.int64)
    keys = prompts * len(entries.annotator_ids) + entries.ballot_annotators
    if entries.ballot_parts is None:
        return np.asarray(keys)
    n_parts = int(entries.ballot_parts.max()) + 1
    if int(keys.max()) >= 2**62 // n_parts:
        keys = np.unique(keys, return_inverse=True)[1]
    return np.asarray(keys * n_parts + entries.ballot_parts)


def _known_annotator(entries: Entries) -> np.ndarray:
    """(N,) whether the ballot's annotator is a known one; others may be another person each time."""
    known = np.array([not annotator.startswith(ANONYMOUS) for annotator in entries.annotator_ids])
    return np.asarray(known[entries.ballot_annotators])


def _again(keys: np.ndarray, repeats: Repeats) -> np.ndarray:
    """The indices of keys that are there again: before the last ones if these count, else after the first.

    Examples
    --------
    >>> keys = np.array([5, 7, 5, 5])
    >>> _again(keys, "first").tolist(), _again(keys, "last").tolist()
    ([2, 3], [0, 2])
    """
    if not _has_repeats(keys):
        return np.zeros(0, dtype=np.int64)
    ordered = keys[::-1] if repeats == "last" else keys
    again = np.ones(len(keys), dtype=bool)
    again[np.unique(ordered, return_index=True)[1]] = False
    return np.flatnonzero(again[::-1] if repeats == "last" else again)


def _has_repeats(keys: np.ndarray) -> bool:
    """Whether some numbers, 0 or more, are equal; several times as fast as np.unique, which hashes."""
    size = int(keys.max(initial=0)) + 1
    if size <= 16 * len(keys):
        seen = np.zeros(size, dtype=bool)
        seen[keys] = True
        return int(np.count_nonzero(seen)) < len(keys)
    in_order = np.sort(keys)
    return bool((in_order[1:] == in_order[:-1]).any())


def _refusal(entries: Entries, bad: Sequence[Fault]) -> str:
    problems = ", ".join(fault.summary(entries) for fault in bad)
    them = "it" if problems.startswith("1 ") and len(bad) == 1 else "them"
    return (
        f"{entries.source}: {problems}; mend {them}, or leave {them} out with --skip bad "
        '(skip="bad" in Python)'
    )


def _unresolved(entries: Entries, faults: Sequence[Fault]) -> str:
    problems = ", ".join(fault.summary(entries) for fault in faults)
    row = next(_rows(entries, faults[0]))
    if faults[0].of_ballots:
        example, choices = "", "last, first or all"
    else:
        example, choices = f"response {row.response_id!r} by ", "last or first"
    return (
        f"{entries.source}: {problems}, such as that of {example}annotator {row.annotator_id!r} on prompt "
        f'{row.prompt_id!r}; say which counts with --repeats {choices} (repeats="last" in Python), or '
        "tell ballots that are meant apart by a column ballot_id"
    )


def _position(entries: Entries, i: int, of_ballots: bool) -> str:
    if not of_ballots:
        return entries.locate(i)
    if entries.locate_ballot is not None:
        return entries.locate_ballot(i)
    first = np.flatnonzero(np.asarray(entries.entry_ballots) == i)[:1].tolist()
    return entries.locate(first[0]) if first else f"ballot {i}"


def _rows(entries: Entries, fault: Fault) -> Iterator[Skipped]:
    """The rows of a fault: one for each ballot that is one row of the input, else one for each entry."""
    prompts, annotators = entries.ballot_prompts, entries.ballot_annotators
    is_row = fault.of_ballots and (
        entries.locate_ballot is not None or not fault.mask(entries).any()
    )
    indices = fault.indices if is_row else np.flatnonzero(fault.mask(entries))
    for i in indices.tolist():
        ballot = i if is_row else int(entries.entry_ballots[i])
        file, _, row = _position(entries, i, is_row).rpartition(", ")
        response = "" if is_row else entries.response_ids[int(entries.entry_responses[i])]
        yield Skipped(
            file or entries.source,
            row,
            entries.prompt_ids[int(prompts[ballot])],
            entries.annotator_ids[int(annotators[ballot])],
            response,
            fault.reason,
        )


def _kept(entries: Entries, keep: np.ndarray) -> Entries:
    """Some of the entries, with the ballots, prompts and annotators that they are about."""
    chosen = np.flatnonzero(keep)
    ballots, entry_ballots = np.unique(entries.entry_ballots[chosen], return_inverse=True)
    prompts, ballot_prompts = np.unique(entries.ballot_prompts[ballots], return_inverse=True)
    annotators, ballot_annotators = np.unique(
        entries.ballot_annotators[ballots], return_inverse=True
    )
    listed, names = entries.listed, entries.listed_names
    if listed is not None:
        of_kept = np.isin(listed[:, 0], prompts)
        if names is not None:
            names = [name for name, stays in zip(names, of_kept.tolist(), strict=True) if stays]
        listed = listed[of_kept]
        listed = np.stack([np.searchsorted(prompts, listed[:, 0]), listed[:, 1]], axis=1)
    locate_ballot = entries.locate_ballot
    return replace(
        entries,
        prompt_ids=[entries.prompt_ids[p] for p in prompts.tolist()],
        annotator_ids=[entries.annotator_ids[a] for a in annotators.tolist()],
        ballot_prompts=ballot_prompts,
        ballot_annotators=ballot_annotators,
        ballot_weights=taken(entries.ballot_weights, ballots),
        ballot_counts=taken(entries.ballot_counts, ballots),
        ballot_strengths=taken(entries.ballot_strengths, ballots),
        ballot_probabilities=taken(entries.ballot_probabilities, ballots),
        ballot_parts=taken(entries.ballot_parts, ballots),
        entry_ballots=entry_ballots,
        entry_responses=np.asarray(entries.entry_responses)[chosen],
        entry_ranks=taken(entries.entry_ranks, chosen),
        entry_scores=taken(entries.entry_scores, chosen),
        entry_approvals=taken(entries.entry_approvals, chosen),
        listed=listed,
        listed_names=names,
        locate=_locating(entries.locate, chosen),
        locate_ballot=None if locate_ballot is None else _locating(locate_ballot, ballots),
    )


def _locating(locate: Callable[[int], str], chosen: np.ndarray) -> Callable[[int], str]:
    """A function that names the position of one of those chosen."""
    return lambda i: locate(int(chosen[i]))


def _left_out(entries: Entries, kept: Entries, faults: Sequence[Fault]) -> LeftOutWarning:
    """What is left out, and which prompts and annotators have no ballot then."""
    lone = [fault.indices for fault in faults if isinstance(fault, LonePrompts)]
    n_lone = len(np.unique(np.asarray(entries.ballot_prompts)[np.concatenate(lone)])) if lone else 0
    voters = set(kept.annotator_ids)
    return LeftOutWarning(
        entries.source,
        {fault.reason: fault.count(entries) for fault in faults},
        len(entries.prompt_ids) - len(kept.prompt_ids) - n_lone,
        [annotator for annotator in entries.annotator_ids if annotator not in voters],
    )
