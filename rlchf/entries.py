"""Ballots as flat columns in any order: what readers make of files and tables, and `Rankings` sorts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rlchf.numeric.segments import offsets
from rlchf.profiles import parse_ballot

MAX_RESPONSES = np.iinfo(np.int16).max - 1


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
        (E,) the rank (1 is best) or the score (higher is better): exactly one of the two.
    ballot_weights, ballot_counts
        (N,) weights (default 1) and numbers of identical ballots (default 1); a ballot's total weight
        is their product.
    sort_responses
        Whether a prompt's responses are put in the order of their ids (the default) or in that of
        their codes.
    listed
        (L, 2) codes of prompts and their responses that exist even if no ballot names them.
    source
        The name that error messages give to the dataset.
    locate
        A function that names the position of entry ``e`` in the input, for error messages.
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
    ballot_weights: np.ndarray | None = None
    ballot_counts: np.ndarray | None = None
    sort_responses: bool = True
    listed: np.ndarray | None = None
    source: str = "rankings"
    locate: Callable[[int], str] = "entry {}".format

    def checked(self) -> "Entries":
        """The same entries with values, weights and counts as arrays of allowed numbers.

        Raises
        ------
        ValueError
            If there is no ballot, both ranks and scores are given or neither, a rank, score or weight is
            not a finite number, or a weight is negative. The message says where.
        """
        if (self.entry_ranks is None) == (self.entry_scores is None):
            raise ValueError("give either ranks or scores")
        n_ballots = len(self.ballot_prompts)
        if n_ballots == 0 or len(self.entry_ballots) == 0:
            raise ValueError(f"{self.source}: there is no ballot in it")
        kind = "rank" if self.entry_scores is None else "score"
        given = self.entry_ranks if self.entry_scores is None else self.entry_scores
        values = np.asarray(given, dtype=np.float64)
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
            ballot_weights=weights,
            ballot_counts=np.asarray(counts),
        )

    def refuse(self, bad: np.ndarray, problem: Callable[[int], str]) -> None:
        """Raise an error about the first entry that is bad, if there is one."""
        if bad.any():
            entry = int(np.argmax(bad))
            raise ValueError(f"{self.source}, {self.locate(entry)}: {problem(entry)}")


def ballot_entries(
    ballots: Sequence[tuple[object, object, str | Sequence[object]]],
    weights: Sequence[float] | None,
    source: str,
) -> Entries:
    """The entries of ``(prompt, annotator, ranking)`` triples; see `rlchf.Rankings.from_ballots`.

    Raises
    ------
    ValueError
        If a ranking cannot be parsed or has an empty response id; the message names the ballot.
    """
    rows = [
        (n, str(response), rank)
        for n, (_, _, ranking) in enumerate(ballots)
        for rank, level in enumerate(_levels(ranking, f"{source}, ballot {n}"), start=1)
        for response in level
    ]
    prompts, ballot_prompts = _codes([str(ballot[0]) for ballot in ballots])
    annotators, ballot_annotators = _codes([str(ballot[1]) for ballot in ballots])
    responses, entry_responses = _codes([row[1] for row in rows])
    return Entries(
        prompt_ids=prompts,
        annotator_ids=annotators,
        response_ids=responses,
        ballot_prompts=ballot_prompts,
        ballot_annotators=ballot_annotators,
        ballot_weights=None if weights is None else np.asarray(weights, dtype=np.float64),
        entry_ballots=np.array([row[0] for row in rows], dtype=np.int64),
        entry_responses=entry_responses,
        entry_ranks=np.array([row[2] for row in rows], dtype=np.float64),
        source=source,
        locate=lambda entry: f"ballot {rows[entry][0]}",
    )


def _levels(ranking: str | Sequence[object], ballot: str) -> list[list[object]]:
    """The levels of a ranking given in text or as a list; an id by itself is a level.

    ``ballot`` names the ballot in messages.
    """
    try:
        levels = parse_ballot(ranking) if isinstance(ranking, str) else ranking
    except ValueError as error:
        raise ValueError(f"{ballot}: {error}") from None
    lists = [list(level) if isinstance(level, list | tuple | set) else [level] for level in levels]
    if not all(str(response).strip() for level in lists for response in level):
        raise ValueError(f"{ballot}: the ranking has an empty response id; name it or leave it out")
    return lists


def _codes(ids: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Distinct ids in order of appearance, and each id's index among them."""
    index: dict[str, int] = {}
    codes = np.array([index.setdefault(i, len(index)) for i in ids], dtype=np.int64)
    return list(index), codes


def sorted_columns(entries: Entries) -> dict[str, Any]:
    """The columns of a `Rankings`: ballots by prompt, in the order of the input; entries best first.

    Raises
    ------
    ValueError
        If a ballot names a response twice or none, or a prompt has one response only.
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
    if not lengths.all():
        prompt = entries.prompt_ids[entries.ballot_prompts[ballot_order[np.argmin(lengths)]]]
        raise ValueError(f"{entries.source}: a ballot on prompt {prompt!r} ranks no response")
    response_ids, response_starts, entry_responses = _responses_by_prompt(entries, order)
    _refuse_repeats(entries, entry_ballots[order], entry_responses, order)
    _refuse_sizes(entries, np.diff(response_starts))
    assert entries.ballot_weights is not None
    assert entries.ballot_counts is not None
    return {
        "prompt_ids": list(entries.prompt_ids),
        "annotator_ids": list(entries.annotator_ids),
        "response_ids": response_ids,
        "response_starts": response_starts,
        "ballot_starts": offsets(np.bincount(entries.ballot_prompts, minlength=n_prompts)),
        "ballot_annotators": np.asarray(entries.ballot_annotators)[ballot_order].astype(np.int64),
        "ballot_weights": entries.ballot_weights[ballot_order],
        "ballot_counts": entries.ballot_counts[ballot_order],
        "entry_starts": entry_starts,
        "entry_responses": entry_responses,
        "entry_ranks": _dense_ranks(ascending[order], entry_starts),
        "entry_scores": None if entries.entry_scores is None else entries.entry_scores[order],
    }


def _responses_by_prompt(
    entries: Entries, order: np.ndarray
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The responses of each prompt, where each prompt's begin, and the sorted entries' indices into them."""
    ids, listed = entries.response_ids, entries.listed
    prompts = entries.ballot_prompts[entries.entry_ballots][order]
    position = np.arange(len(ids))
    if entries.sort_responses:
        position = np.empty(len(ids), np.int64)
        position[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    names = np.empty(len(ids), np.int64)
    names[position] = np.arange(len(ids))
    keys = prompts * len(ids) + position[entries.entry_responses[order]]
    if listed is not None:
        keys = np.concatenate([keys, listed[:, 0] * len(ids) + position[listed[:, 1]]])
    pairs, flat = np.unique(keys, return_inverse=True)
    flat = flat[: len(prompts)]
    starts = offsets(np.bincount(pairs // len(ids), minlength=len(entries.prompt_ids)))
    local = (flat - starts[prompts]).astype(np.int32)
    return [ids[i] for i in names[pairs % len(ids)]], starts, local


def _dense_ranks(ascending: np.ndarray, entry_starts: np.ndarray) -> np.ndarray:
    """Ranks 1, 2, ... within each ballot of values sorted best first; equal values are tied."""
    step = np.ones(len(ascending), np.int64)
    step[1:] = ascending[1:] != ascending[:-1]
    step[entry_starts[:-1]] = 1
    level = np.cumsum(step)
    first = np.repeat(level[entry_starts[:-1]], np.diff(entry_starts))
    return np.asarray(level - first + 1, dtype=np.int16)


def _refuse_repeats(
    entries: Entries, ballots: np.ndarray, responses: np.ndarray, order: np.ndarray
) -> None:
    """A ballot may name a response once; point at the later of the two entries."""
    by_response = np.lexsort((order, responses, ballots))
    same = (np.diff(ballots[by_response]) == 0) & (np.diff(responses[by_response]) == 0)
    if same.any():
        entry = int(order[by_response[1:][same]].min())
        response = entries.response_ids[entries.entry_responses[entry]]
        raise ValueError(
            f"{entries.source}, {entries.locate(entry)}: the same ballot ranks response "
            f"{response!r} twice; give each annotator one row per prompt and response"
        )


def _refuse_sizes(entries: Entries, sizes: np.ndarray) -> None:
    """A prompt needs two responses, and there is a limit to their number."""
    for bad, problem in (
        (sizes < 2, "has one response only; give at least two, or leave the prompt out"),
        (sizes > MAX_RESPONSES, f"has more than {MAX_RESPONSES} responses"),
    ):
        if bad.any():
            prompt = entries.prompt_ids[int(np.argmax(bad))]
            raise ValueError(f"{entries.source}: prompt {prompt!r} {problem}")
