"""Every ballot of a dataset as columns; checked once, at the door."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from rlchf.profiles import Profiles, parse_ballot

Unranked = Literal["missing", "last"]
"""What it means that a ballot does not name a response of its prompt.

``missing``: the annotator has no opinion of it, and no pair with it counts.
``last``: the annotator puts it below all that the ballot names, tied with the others it leaves out.
"""

MAX_RESPONSES = np.iinfo(np.int16).max - 1


@dataclass(frozen=True, eq=False)
class Rankings:
    """The ballots of a whole dataset: any number of prompts, annotators and responses per prompt.

    Ids are stored once; ballots are flat arrays sorted by prompt, and so are the responses. Build one
    with `rlchf.read_rankings`, `from_ballots` or `from_entries`, which check the input; after that,
    everybody trusts it.

    Attributes
    ----------
    prompt_ids
        (P,) ids, in the order of the input.
    annotator_ids
        (A,) ids, in the order of the input.
    response_ids
        (R,) ids; those of prompt ``p`` are at ``response_starts[p]`` to ``response_starts[p + 1]``,
        sorted, except where a file format has an order of its own.
    ballot_starts
        (P + 1,) int64. Ballots of prompt ``p`` are at ``ballot_starts[p]`` to ``ballot_starts[p + 1]``.
    ballot_annotators, ballot_weights, ballot_counts
        (N,) who cast the ballot, its weight (at least 0), and how many identical ballots it stands
        for (its weight counts them already).
    entry_starts
        (N + 1,) int64. What ballot ``n`` says is at ``entry_starts[n]`` to ``entry_starts[n + 1]``.
    entry_responses, entry_ranks
        (E,) the response, counted within its prompt, and its place: 1 is best, equal is tied, dense.
    entry_scores
        (E,) the annotators' own scores, or None when the ballots came as ranks.
    unranked
        What a response means that a ballot does not name: "missing" or "last".
    source
        The name that error messages give to the dataset.
    """

    prompt_ids: list[str]
    annotator_ids: list[str]
    response_ids: list[str]
    response_starts: np.ndarray
    ballot_starts: np.ndarray
    ballot_annotators: np.ndarray
    ballot_weights: np.ndarray
    ballot_counts: np.ndarray
    entry_starts: np.ndarray
    entry_responses: np.ndarray
    entry_ranks: np.ndarray
    entry_scores: np.ndarray | None = None
    unranked: Unranked = "missing"
    source: str = "rankings"

    @classmethod
    def from_ballots(
        cls,
        ballots: Sequence[tuple[object, object, str | Sequence[object]]],
        weights: Sequence[float] | None = None,
        *,
        unranked: Unranked = "missing",
        source: str = "rankings",
    ) -> "Rankings":
        """Build from ``(prompt, annotator, ranking)`` triples.

        A ranking is best first, with ties as inner lists (``[["a"], ["b", "c"]]``) or in text
        (``"a > b = c"``). Ids may be strings or integers; they are kept as text.

        Examples
        --------
        >>> rankings = Rankings.from_ballots([("p", "ann", [["a"], ["b", "c"]]), ("p", "bob", [["c"]])])
        >>> rankings.responses("p")
        ['a', 'b', 'c']
        >>> rankings.n_ballots
        2
        """
        rows = [
            (n, str(response), place)
            for n, (_, _, ranking) in enumerate(ballots)
            for place, level in enumerate(_levels(ranking, f"{source}, ballot {n}"), start=1)
            for response in level
        ]
        prompts, ballot_prompts = _codes([str(ballot[0]) for ballot in ballots])
        annotators, ballot_annotators = _codes([str(ballot[1]) for ballot in ballots])
        responses, entry_responses = _codes([row[1] for row in rows])
        return cls.from_entries(
            prompt_ids=prompts,
            annotator_ids=annotators,
            response_ids=responses,
            ballot_prompts=ballot_prompts,
            ballot_annotators=ballot_annotators,
            ballot_weights=None if weights is None else np.asarray(weights, dtype=np.float64),
            entry_ballots=np.array([row[0] for row in rows], dtype=np.int64),
            entry_responses=entry_responses,
            entry_ranks=np.array([row[2] for row in rows], dtype=np.float64),
            unranked=unranked,
            source=source,
            place=lambda entry: f"ballot {rows[entry][0]}",
        )

    @classmethod
    def from_entries(
        cls,
        *,
        prompt_ids: Sequence[str],
        annotator_ids: Sequence[str],
        response_ids: Sequence[str],
        ballot_prompts: np.ndarray,
        ballot_annotators: np.ndarray,
        entry_ballots: np.ndarray,
        entry_responses: np.ndarray,
        entry_ranks: np.ndarray | None = None,
        entry_scores: np.ndarray | None = None,
        ballot_weights: np.ndarray | None = None,
        ballot_counts: np.ndarray | None = None,
        unranked: Unranked = "missing",
        source: str = "rankings",
        place: Callable[[int], str] = "entry {}".format,
        sort_responses: bool = True,
        listed: np.ndarray | None = None,
    ) -> "Rankings":
        """Build from flat columns, one entry for each response that a ballot names; the one door.

        Parameters
        ----------
        prompt_ids, annotator_ids, response_ids
            The ids that the codes below index. The same response id may serve several prompts.
        ballot_prompts, ballot_annotators, ballot_weights, ballot_counts
            (N,) codes, weights (default 1) and multiplicities (default 1); a ballot's total weight is
            their product.
        entry_ballots, entry_responses
            (E,) the ballot that the entry belongs to, in any order, and the response's code.
        entry_ranks, entry_scores
            (E,) the place (1 is best) or the score (higher is better): exactly one of the two.
        place
            Says where entry ``e`` stands in the input, for error messages.
        sort_responses
            Whether a prompt's responses are put in the order of their ids (the default) or in that of
            their codes.
        listed
            (L, 2) codes of prompts and their responses that exist even if no ballot names them.

        Raises
        ------
        ValueError
            If there is no ballot, a rank, score or weight is not a finite number, a weight is
            negative, a ballot names a response twice or none, or a prompt has one response only. The
            message says where.
        """
        if unranked not in get_args(Unranked):
            raise ValueError(f"unranked is {unranked!r}; choose from missing, last")
        if (entry_ranks is None) == (entry_scores is None):
            raise ValueError("give either ranks or scores")
        n_ballots, kind = len(ballot_prompts), "rank" if entry_scores is None else "score"
        if n_ballots == 0 or len(entry_ballots) == 0:
            raise ValueError(f"{source}: there is no ballot in it")
        values = np.asarray(entry_ranks if entry_scores is None else entry_scores, dtype=np.float64)
        _refuse(~np.isfinite(values), source, place, lambda e: f"the {kind} is {values[e]}")
        counts = np.ones(n_ballots, np.int64) if ballot_counts is None else ballot_counts
        weights = (
            np.ones(n_ballots) if ballot_weights is None else np.asarray(ballot_weights, float)
        )
        weights = weights * counts
        bad = ~(np.isfinite(weights) & (weights >= 0))[entry_ballots]
        _refuse(
            bad,
            source,
            place,
            lambda e: f"the weight is {weights[entry_ballots[e]]}; give 0 or more",
        )

        # Ballots by prompt (in input order), entries by ballot, each ballot's entries best first.
        ballot_order = np.argsort(ballot_prompts, kind="stable")
        ballot_at = np.empty(n_ballots, np.int64)
        ballot_at[ballot_order] = np.arange(n_ballots)
        downwards = values if entry_scores is None else -values
        order = np.lexsort((downwards, ballot_at[entry_ballots]))
        ballots, downwards = ballot_at[entry_ballots][order], downwards[order]
        ballot_starts = _starts(ballot_prompts, len(prompt_ids))
        entry_starts = _starts(ballots, n_ballots)
        empty = np.flatnonzero(np.diff(entry_starts) == 0)
        if len(empty):
            prompt = prompt_ids[ballot_prompts[ballot_order[empty[0]]]]
            raise ValueError(f"{source}: a ballot on prompt {prompt!r} ranks no response")

        responses, response_starts, local = _responses_by_prompt(
            ballot_prompts[entry_ballots][order], entry_responses[order], response_ids,
            len(prompt_ids), sort_responses, listed,
        )  # fmt: skip
        _refuse_repeats(
            ballots, local, order, source, place, lambda e: response_ids[entry_responses[e]]
        )
        sizes = np.diff(response_starts)
        for bad_size, problem in (
            (sizes < 2, "has one response only; give at least two, or leave the prompt out"),
            (sizes > MAX_RESPONSES, f"has more than {MAX_RESPONSES} responses"),
        ):
            if bad_size.any():
                raise ValueError(
                    f"{source}: prompt {prompt_ids[int(np.argmax(bad_size))]!r} {problem}"
                )
        return cls(
            prompt_ids=list(prompt_ids),
            annotator_ids=list(annotator_ids),
            response_ids=responses,
            response_starts=response_starts,
            ballot_starts=ballot_starts,
            ballot_annotators=np.asarray(ballot_annotators)[ballot_order].astype(np.int64),
            ballot_weights=weights[ballot_order],
            ballot_counts=np.asarray(counts)[ballot_order],
            entry_starts=entry_starts,
            entry_responses=local,
            entry_ranks=_dense_ranks(downwards, entry_starts),
            entry_scores=None if entry_scores is None else values[order],
            unranked=unranked,
            source=source,
        )

    @property
    def n_prompts(self) -> int:
        """Number of prompts, ``P``."""
        return len(self.prompt_ids)

    @property
    def n_ballots(self) -> int:
        """Number of ballots, ``N``; identical ballots given as one with a count are one here."""
        return len(self.ballot_annotators)

    @cached_property
    def prompt_index(self) -> dict[str, int]:
        """Where each prompt id stands."""
        return {prompt: i for i, prompt in enumerate(self.prompt_ids)}

    def responses(self, prompt_id: object) -> list[str]:
        """Ids of a prompt's responses."""
        p = self.prompt_index[str(prompt_id)]
        return self.response_ids[self.response_starts[p] : self.response_starts[p + 1]]

    def weighted(self, annotator_weights: dict[str, float]) -> "Rankings":
        """The same ballots, each multiplied by its annotator's weight; annotators not named keep 1."""
        factors = np.array([annotator_weights.get(a, 1.0) for a in self.annotator_ids])
        return replace(self, ballot_weights=self.ballot_weights * factors[self.ballot_annotators])

    def subset(self, prompts: np.ndarray) -> "Rankings":
        """The ballots on some prompts only, given as indices into `prompt_ids`, in that order.

        Examples
        --------
        >>> rankings = Rankings.from_ballots([("p", "ann", [["a"], ["b"]]), ("q", "bob", [["d"], ["c"]])])
        >>> rankings.subset(np.array([1])).response_ids
        ['c', 'd']
        """
        sizes = self.response_starts[prompts + 1] - self.response_starts[prompts]
        counts = self.ballot_starts[prompts + 1] - self.ballot_starts[prompts]
        ballots = ranges(self.ballot_starts[prompts], counts)
        named = self.entry_starts[ballots + 1] - self.entry_starts[ballots]
        entries = ranges(self.entry_starts[ballots], named)
        responses = ranges(self.response_starts[prompts], sizes)
        return replace(
            self,
            prompt_ids=[self.prompt_ids[p] for p in prompts],
            response_ids=[self.response_ids[r] for r in responses],
            response_starts=_offsets(sizes),
            ballot_starts=_offsets(counts),
            ballot_annotators=self.ballot_annotators[ballots],
            ballot_weights=self.ballot_weights[ballots],
            ballot_counts=self.ballot_counts[ballots],
            entry_starts=_offsets(named),
            entry_responses=self.entry_responses[entries],
            entry_ranks=self.entry_ranks[entries],
            entry_scores=None if self.entry_scores is None else self.entry_scores[entries],
        )

    def profiles(self) -> Iterator[tuple[np.ndarray, Profiles]]:
        """Prompts with equally many responses as one batch each, with their indices into `prompt_ids`."""
        sizes = np.diff(self.response_starts)
        for size in np.unique(sizes):
            prompts = np.flatnonzero(sizes == size)
            yield prompts, self.batch(prompts)

    def batch(self, prompts: np.ndarray) -> Profiles:
        """The ballots of some prompts, all of which have equally many responses, as a batch.

        Examples
        --------
        >>> rankings = Rankings.from_ballots([("p", "ann", [["a"], ["b"]]), ("q", "ann", [["d"], ["c"]])])
        >>> rankings.batch(np.array([0, 1])).ranks
        array([[1, 2],
               [2, 1]], dtype=int16)
        """
        M = int(self.response_starts[prompts[0] + 1] - self.response_starts[prompts[0]])
        counts = self.ballot_starts[prompts + 1] - self.ballot_starts[prompts]
        ballots = ranges(self.ballot_starts[prompts], counts)  # (K,)
        named = self.entry_starts[ballots + 1] - self.entry_starts[ballots]
        entries = ranges(self.entry_starts[ballots], named)
        column = np.repeat(np.arange(len(ballots)), named)
        ranks = np.zeros((M, len(ballots)), dtype=np.int16)
        ranks[self.entry_responses[entries], column] = self.entry_ranks[entries]
        if self.unranked == "last":
            np.copyto(ranks, ranks.max(axis=0) + np.int16(1), where=ranks == 0)
        scores = None
        if self.entry_scores is not None:
            scores = np.full(ranks.shape, np.nan)
            scores[self.entry_responses[entries], column] = self.entry_scores[entries]
        return Profiles(
            ranks=ranks,
            starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            weights=self.ballot_weights[ballots],
            annotators=self.ballot_annotators[ballots],
            scores=scores,
            prompts=np.asarray(prompts),
        )


def _levels(ranking: str | Sequence[object], place: str) -> list[list[object]]:
    """The levels of a ranking given in text or as a list; an id by itself is a level."""
    try:
        levels = parse_ballot(ranking) if isinstance(ranking, str) else ranking
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    found = [list(level) if isinstance(level, list | tuple | set) else [level] for level in levels]
    if not all(str(response).strip() for level in found for response in level):
        raise ValueError(f"{place}: the ranking has an empty response id; name it or leave it out")
    return found


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Concatenate ``arange(start, start + count)`` for each pair.

    Examples
    --------
    >>> ranges(np.array([5, 0]), np.array([2, 3]))
    array([5, 6, 0, 1, 2])
    """
    ends = np.cumsum(counts)
    return np.repeat(starts - (ends - counts), counts) + np.arange(
        int(ends[-1]) if len(ends) else 0
    )


def _codes(ids: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Distinct ids in order of appearance, and each id's index among them."""
    index: dict[str, int] = {}
    codes = np.array([index.setdefault(i, len(index)) for i in ids], dtype=np.int64)
    return list(index), codes


def _offsets(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _starts(codes: np.ndarray, n: int) -> np.ndarray:
    return _offsets(np.bincount(codes, minlength=n))


def _responses_by_prompt(
    prompts: np.ndarray, responses: np.ndarray, ids: Sequence[str], n_prompts: int, sort: bool,
    listed: np.ndarray | None,
) -> tuple[list[str], np.ndarray, np.ndarray]:  # fmt: skip
    """The responses of each prompt, where each prompt's begin, and the entries' indices into them."""
    position = np.arange(len(ids))
    if sort:
        position = np.empty(len(ids), np.int64)
        position[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    names = np.empty(len(ids), np.int64)
    names[position] = np.arange(len(ids))
    keys = prompts * len(ids) + position[responses]
    if listed is not None:
        keys = np.concatenate([keys, listed[:, 0] * len(ids) + position[listed[:, 1]]])
    pairs, flat = np.unique(keys, return_inverse=True)
    flat = flat[: len(prompts)]
    starts = _starts(pairs // len(ids), n_prompts)
    local = (flat - starts[prompts]).astype(np.int32)
    return [ids[i] for i in names[pairs % len(ids)]], starts, local


def _dense_ranks(downwards: np.ndarray, entry_starts: np.ndarray) -> np.ndarray:
    """Places 1, 2, ... within each ballot of values sorted best first; equal values are tied."""
    step = np.ones(len(downwards), np.int64)
    step[1:] = downwards[1:] != downwards[:-1]
    step[entry_starts[:-1]] = 1
    place = np.cumsum(step)
    first = np.repeat(place[entry_starts[:-1]], np.diff(entry_starts))
    return np.asarray(place - first + 1, dtype=np.int16)


def _refuse(
    bad: np.ndarray, source: str, place: Callable[[int], str], found: Callable[[int], str]
) -> None:
    if bad.any():
        entry = int(np.argmax(bad))
        raise ValueError(f"{source}, {place(entry)}: {found(entry)}")


def _refuse_repeats(
    ballots: np.ndarray, local: np.ndarray, order: np.ndarray, source: str,
    place: Callable[[int], str], name: Callable[[int], str],
) -> None:  # fmt: skip
    """A ballot may name a response once; point at the later of the two entries."""
    by_response = np.lexsort((order, local, ballots))
    same = (np.diff(ballots[by_response]) == 0) & (np.diff(local[by_response]) == 0)
    if same.any():
        entry = int(order[by_response[1:][same]].min())
        raise ValueError(
            f"{source}, {place(entry)}: the same ballot ranks response {name(entry)!r} twice; "
            "give each annotator one row per prompt and response"
        )


def as_rankings(data: object) -> Rankings:
    """The rankings that a function was given.

    Raises
    ------
    TypeError
        If they are something else.
    """
    if isinstance(data, Rankings):
        return data
    if isinstance(data, Profiles):
        raise TypeError("rankings is a Profiles; call the rule itself: get_rule(name)(profiles)")
    raise TypeError(f"rankings is {data!r}; read a file with rlchf.read_rankings first")
