"""Ballots as flat columns in any order: what readers make of files and tables, and `Rankings` sorts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rlchf.limits import limit
from rlchf.numeric.segments import offsets, ranges, taken
from rlchf.profiles import UNSTATED

ANONYMOUS = "anonymous:"
"""What the id of an annotator begins with who is not known: a place in a list of votes, say."""


@dataclass(frozen=True, eq=False)
class Entries:
    """One entry for each response that a ballot names.

    Attributes
    ----------
    prompt_ids, annotator_ids, response_ids
        The ids that the codes below index. The same response id may serve several prompts.
    ballot_prompts, ballot_annotators
        (N,) codes of the prompt and the annotator of each ballot.
    entry_ballots, entry_responses
        (E,) the ballot that the entry belongs to, in any order, and the response's code.
    entry_ranks, entry_scores
        (E,) the rank (1 is best) or the score (higher is better): one of the two, or neither, if every
        entry has an approval: then responses are ordered by that. NaN where the input has an empty cell.
    entry_approvals
        (E,) int8, what the annotator thinks of the response by itself: 1 approves, 0 is neutral, -1
        disapproves, `rlchf.profiles.UNSTATED` if nothing is said. By default nothing is.
    ballot_weights, ballot_counts
        (N,) weights (default 1) and numbers of identical ballots (default 1); a ballot's total weight
        is their product.
    ballot_strengths
        (N,) how strongly the ballot prefers one of two responses to the other, 0 or more; NaN if it does
        not say. By default none does.
    ballot_probabilities
        (N,) the probability, from 1/2 to 1, that the annotator prefers the first of two responses; see
        `rlchf.soft_labels`. By default 1.
    ballot_parts
        (N,) codes of what each ballot is about. An annotator has one ballot on each part of a prompt, and
        another one is a repeat. By default all ballots on a prompt are about the same.
    sort_responses
        Whether a prompt's responses are put in the order of their ids (the default) or in that of
        their codes.
    listed
        (L, 2) codes of prompts and their responses that exist even if no ballot names them.
    listed_names
        (L,) names of these responses, where the input has names beside the ids.
    source
        The name that error messages give to the dataset.
    locate
        A function that names the position of entry ``e`` in the input, for error messages. Where a dataset
        has several files, a position begins with the file's name: "votes.csv, row 3".
    locate_ballot
        A function that names the position of ballot ``n``, if the input has ballots in one piece; by
        default a ballot is where its first entry is.
    names_files
        Whether ``locate`` names the file too, because the entries come from several.
    """

    prompt_ids: Sequence[str]
    annotator_ids: Sequence[str]
    response_ids: Sequence[str]
    ballot_prompts: np.ndarray
    ballot_annotators: np.ndarray
    entry_ballots: np.ndarray
    entry_responses: np.ndarray
    entry_ranks: np.ndarray | None = None
    entry_scores: np.ndarray | None = None
    entry_approvals: np.ndarray | None = None
    ballot_weights: np.ndarray | None = None
    ballot_counts: np.ndarray | None = None
    ballot_strengths: np.ndarray | None = None
    ballot_probabilities: np.ndarray | None = None
    ballot_parts: np.ndarray | None = None
    sort_responses: bool = True
    listed: np.ndarray | None = None
    listed_names: Sequence[str] | None = None
    source: str = "rankings"
    locate: Callable[[int], str] = "entry {}".format
    locate_ballot: Callable[[int], str] | None = None
    names_files: bool = False

    def position(self, entry: int) -> str:
        """The file and the row of an entry, for messages."""
        return self.locate(entry) if self.names_files else f"{self.source}, {self.locate(entry)}"

    def checked(self) -> "Entries":
        """The same entries with values, weights and counts as arrays of allowed numbers.

        Raises
        ------
        ValueError
            If there is no ballot, both ranks and scores are given or there is nothing to order responses
            by, a rank, score or weight is not a finite number, a weight or a strength is negative, or an
            approval is none. The message says where.
        """
        n_ballots = len(self.ballot_prompts)
        if n_ballots == 0 or len(self.entry_ballots) == 0:
            raise ValueError(f"{self.source}: there is no ballot in it")
        approvals = self._checked_approvals()
        kind = "rank" if self.entry_scores is None else "score"
        values = self._checked_order(approvals)
        self.refuse(~np.isfinite(values), lambda e: f"the {kind} is {values[e]}")
        counts = np.ones(n_ballots, np.int64) if self.ballot_counts is None else self.ballot_counts
        weights = np.ones(n_ballots) if self.ballot_weights is None else self.ballot_weights
        with np.errstate(over="ignore"):  # what overflows is refused below
            weights = np.asarray(weights, dtype=np.float64) * counts
        of_entries = weights[self.entry_ballots]
        bad = ~(np.isfinite(of_entries) & (of_entries >= 0))
        self.refuse(bad, lambda e: f"the weight is {of_entries[e]}; give 0 or more")
        return replace(
            self,
            entry_ranks=values if self.entry_scores is None else None,
            entry_scores=None if self.entry_scores is None else values,
            entry_approvals=approvals,
            ballot_weights=weights,
            ballot_counts=np.asarray(counts),
            ballot_strengths=self._checked_strengths(),
        )

    def _checked_order(self, approvals: np.ndarray | None) -> np.ndarray:
        """The ranks or scores of the entries as floats; without either, ranks by approval."""
        if self.entry_ranks is not None and self.entry_scores is not None:
            raise ValueError("give either ranks or scores")
        given = self.entry_ranks if self.entry_scores is None else self.entry_scores
        if given is not None:
            return np.asarray(given, dtype=np.float64)
        if approvals is None:
            raise ValueError("give ranks, scores or approvals")
        self.refuse(
            approvals == UNSTATED, lambda e: "there is no approval, and nothing else to order by"
        )
        return 2.0 - approvals

    def _checked_approvals(self) -> np.ndarray | None:
        """The approvals; on a ballot that states some, an entry without one is neutral."""
        if self.entry_approvals is None:
            return None
        approvals = np.asarray(self.entry_approvals)
        stated = approvals != UNSTATED
        self.refuse(
            stated & (np.abs(np.where(stated, approvals, 0)) > 1),
            lambda e: f"the approval is {approvals[e]}; give 1, 0 or -1",
        )
        if not stated.any():
            return None
        if self.entry_ranks is None and self.entry_scores is None:
            return approvals.astype(np.int8)
        states = np.zeros(len(self.ballot_prompts), dtype=bool)
        states[self.entry_ballots[stated]] = True
        neutral = states[self.entry_ballots] & ~stated
        return np.where(neutral, 0, approvals).astype(np.int8)

    def _checked_strengths(self) -> np.ndarray | None:
        if self.ballot_strengths is None:
            return None
        strengths = np.asarray(self.ballot_strengths, dtype=np.float64)
        of_entries = strengths[self.entry_ballots]
        self.refuse(
            np.isinf(of_entries) | (of_entries < 0),
            lambda e: f"the strength is {of_entries[e]}; give a number that is 0 or more",
        )
        return None if np.isnan(strengths).all() else strengths

    def with_neutral(self) -> "Entries":
        """The same ballots, each neutral about the responses of its prompt that it leaves out."""
        assert self.entry_approvals is not None
        R, N = len(self.response_ids), len(self.ballot_prompts)
        prompts = np.asarray(self.ballot_prompts, dtype=np.int64)
        entry_ballots = np.asarray(self.entry_ballots, dtype=np.int64)
        keys = prompts[entry_ballots] * R + self.entry_responses
        if self.listed is not None:
            keys = np.concatenate([keys, self.listed[:, 0] * R + self.listed[:, 1]])
        pairs = np.unique(keys)
        starts = np.searchsorted(pairs, np.arange(len(self.prompt_ids) + 1) * R)
        sizes = np.diff(starts)[prompts]
        ballots = np.repeat(np.arange(N), sizes)
        responses = pairs[ranges(starts[prompts], sizes)] % R
        new = ~np.isin(ballots * R + responses, entry_ballots * R + self.entry_responses)
        zeros = np.zeros(int(new.sum()), dtype=np.int8)
        return replace(
            self,
            entry_ballots=np.concatenate([entry_ballots, ballots[new]]),
            entry_responses=np.concatenate([self.entry_responses, responses[new]]),
            entry_approvals=np.concatenate([self.entry_approvals, zeros]),
        )

    def refuse(self, bad: np.ndarray, problem: Callable[[int], str]) -> None:
        """Raise an error about the first entry that is bad, if there is one."""
        if bad.any():
            entry = int(np.argmax(bad))
            raise ValueError(f"{self.position(entry)}: {problem(entry)}")


def sorted_columns(entries: Entries) -> dict[str, Any]:
    """The columns of a `Rankings`: ballots by prompt, in the order of the input; entries best first.

    The entries are those that `rlchf.cleaning.cleaned` and then `Entries.checked` returned.

    Raises
    ------
    ValueError
        If a prompt has too many responses.
    """
    n_prompts, n_ballots = len(entries.prompt_ids), len(entries.ballot_prompts)
    ballot_order = np.argsort(entries.ballot_prompts, kind="stable")
    new_index = np.empty(n_ballots, np.int64)
    new_index[ballot_order] = np.arange(n_ballots)
    entry_ballots = new_index[entries.entry_ballots]
    if entries.entry_scores is None:
        assert entries.entry_ranks is not None
        ascending = entries.entry_ranks
    else:
        ascending = -entries.entry_scores
    order = np.lexsort((ascending, entry_ballots))
    lengths = np.bincount(entry_ballots, minlength=n_ballots)
    entry_starts = offsets(lengths)
    response_ids, response_names, response_starts, entry_responses = _responses_by_prompt(
        entries, order
    )
    _refuse_sizes(entries, np.diff(response_starts))
    assert entries.ballot_weights is not None
    assert entries.ballot_counts is not None
    return {
        "prompt_ids": list(entries.prompt_ids),
        "annotator_ids": list(entries.annotator_ids),
        "response_ids": response_ids,
        "response_names": response_names,
        "response_starts": response_starts,
        "ballot_starts": offsets(np.bincount(entries.ballot_prompts, minlength=n_prompts)),
        "ballot_annotators": np.asarray(entries.ballot_annotators)[ballot_order].astype(np.int64),
        "ballot_weights": entries.ballot_weights[ballot_order],
        "ballot_counts": entries.ballot_counts[ballot_order],
        "ballot_strengths": taken(entries.ballot_strengths, ballot_order),
        "entry_starts": entry_starts,
        "entry_responses": entry_responses,
        "entry_ranks": _dense_ranks(ascending[order], entry_starts),
        "entry_scores": taken(entries.entry_scores, order),
        "entry_approvals": taken(entries.entry_approvals, order),
    }


def _responses_by_prompt(
    entries: Entries, order: np.ndarray
) -> tuple[list[str], list[str] | None, np.ndarray, np.ndarray]:
    """Each prompt's responses and their names, where these begin, and the sorted entries' indices.

    The indices are into the responses of the entry's prompt. Names that are the ids themselves are none.
    """
    ids = entries.response_ids
    prompts = entries.ballot_prompts[entries.entry_ballots][order]
    position = np.arange(len(ids))
    if entries.sort_responses:
        position = np.empty(len(ids), np.int64)
        position[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    by_position = np.empty(len(ids), np.int64)
    by_position[position] = np.arange(len(ids))
    keys = prompts * len(ids) + position[entries.entry_responses[order]]
    if entries.listed is not None:
        listed = entries.listed
        keys = np.concatenate([keys, listed[:, 0] * len(ids) + position[listed[:, 1]]])
    pairs, flat = np.unique(keys, return_inverse=True)
    starts = offsets(np.bincount(pairs // len(ids), minlength=len(entries.prompt_ids)))
    local = (flat[: len(prompts)] - starts[prompts]).astype(np.int32)
    response_ids = [ids[i] for i in by_position[pairs % len(ids)]]
    names = list(response_ids)
    for index, name in zip(flat[len(prompts) :], entries.listed_names or (), strict=False):
        names[index] = name
    return response_ids, names if names != response_ids else None, starts, local


def _dense_ranks(ascending: np.ndarray, entry_starts: np.ndarray) -> np.ndarray:
    """Ranks 1, 2, ... within each ballot of values sorted best first; equal values are tied."""
    step = np.ones(len(ascending), np.int64)
    step[1:] = ascending[1:] != ascending[:-1]
    step[entry_starts[:-1]] = 1
    level = np.cumsum(step)
    first = np.repeat(level[entry_starts[:-1]], np.diff(entry_starts))
    return np.asarray(level - first + 1, dtype=np.int16)


def _refuse_sizes(entries: Entries, sizes: np.ndarray) -> None:
    """There is a limit to the number of a prompt's responses."""
    most = limit("RLCHF_MAX_RESPONSES")
    if (sizes > most).any():
        prompt = entries.prompt_ids[int(np.argmax(sizes))]
        raise ValueError(
            f"{entries.source}: prompt {prompt!r} has {int(sizes.max()):,} responses, and there may be "
            f"{most:,} (RLCHF_MAX_RESPONSES)"
        )
