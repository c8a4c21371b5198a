"""Every ballot of a dataset as columns, validated on construction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rlchf.display import counted, html_table, shortened
from rlchf.entries import Entries, sorted_columns
from rlchf.numeric.chunks import chunks
from rlchf.numeric.segments import offsets, ranges
from rlchf.options import checked
from rlchf.profiles import UNSTATED, Profiles
from rlchf.triples import ballot_entries

if TYPE_CHECKING:
    import pandas as pd

Unranked = Literal["missing", "last"]
"""How to read a ballot that leaves out a response of its prompt.

``missing``: the annotator has no opinion of it, and no pair with it counts.
``last``: the annotator puts it below all that the ballot names, tied with the others it leaves out.
"""


ANONYMOUS = "anonymous:"
"""What the id of an annotator begins with who is not known: a place in a list of votes, say."""


@dataclass(frozen=True, eq=False)
class Rankings:
    """The ballots of a whole dataset: any number of prompts, annotators and responses per prompt.

    Ids are stored once; ballots are flat arrays sorted by prompt, and so are the responses. Build one
    with `rlchf.read_rankings`, `from_ballots`, `from_frame` or `from_entries`: they validate the input,
    and all functions that take a `Rankings` rely on it.

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
        (N,) the annotator who cast the ballot, its weight (at least 0), and the number of identical
        ballots that it stands for (its weight counts them already).
    entry_starts
        (N + 1,) int64. The entries of ballot ``n`` are at ``entry_starts[n]`` to ``entry_starts[n + 1]``.
    entry_responses, entry_ranks
        (E,) the response, counted within its prompt, and its rank: 1 is best, equal is tied, dense.
    entry_scores
        (E,) the annotators' own scores, or None when the ballots came as ranks.
    entry_approvals
        (E,) int8, what the annotator thinks of the response by itself: 1 approves, 0 is neutral, -1
        disapproves; `rlchf.profiles.UNSTATED` throughout a ballot that does not say. None if no ballot
        says.
    ballot_strengths
        (N,) how strongly a ballot prefers one of two responses to the other, NaN where it does not say.
        None if no ballot says.
    unranked
        How to read responses that a ballot leaves out: "missing" or "last".
    source
        The name that error messages give to the dataset.

    Examples
    --------
    >>> Rankings.from_ballots([("p", "ann", "a > b = c"), ("p", "bob", "c > a")])
    Rankings: 1 prompt, 2 annotators, 3 responses, 2 ballots, unranked='missing'
      p, ann: a > b = c
      p, bob: c > a
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
    entry_approvals: np.ndarray | None = None
    ballot_strengths: np.ndarray | None = None
    unranked: Unranked = "missing"
    source: str = "rankings"

    @classmethod
    def from_ballots(
        cls,
        ballots: Iterable[tuple[object, object, object]],
        weights: Iterable[float] | None = None,
        *,
        unranked: Unranked = "missing",
        source: str = "rankings",
    ) -> "Rankings":
        """Build from ``(prompt, annotator, ranking)`` triples.

        A ranking is best first, with ties as inner lists (``[["a"], ["b", "c"]]``) or in text
        (``"a > b = c"``). Lists, tuples and arrays are read alike, and a level may be a set. Ids may be
        strings or numbers; they are kept as text, without blanks at their ends.

        Raises
        ------
        ValueError
            If a ballot is no such triple, a ranking has no order, as a dictionary, an id is missing, or
            the weights are not as many as the ballots. The message names the ballot, counted from 0.

        Examples
        --------
        >>> rankings = Rankings.from_ballots([("p", "ann", [["a"], ["b", "c"]]), ("p", "bob", [["c"]])])
        >>> rankings.responses("p")
        ['a', 'b', 'c']
        >>> rankings.n_ballots
        2
        """
        return cls.from_entries(ballot_entries(ballots, weights, source), unranked)

    @classmethod
    def from_frame(
        cls, data: object, format: str = "auto", unranked: Unranked = "missing"
    ) -> "Rankings":
        """Build from a table: a DataFrame, a list of dictionaries or a dictionary of columns.

        Parameters
        ----------
        data
            Anything with ``__arrow_c_stream__`` (pandas, polars, pyarrow, DuckDB), a list with a
            dictionary for each row, or a dictionary with a list for each column. Its columns are those
            that `rlchf.read_rankings` takes.
        format
            "long", "ballots", "comparisons" or "approvals"; "auto" recognises it by the columns.
        unranked
            How to read responses that a ballot leaves out: "missing" (no opinion) or "last".

        Raises
        ------
        TypeError
            If the data are no table.
        ValueError
            If the table does not hold what it should; the message names the row, counted from 1.

        Examples
        --------
        >>> import pandas as pd
        >>> ballots = {"prompt_id": ["p", "p"], "annotator_id": ["ann", "bob"], "ranking": ["a > b", "b > a"]}
        >>> Rankings.from_frame(pd.DataFrame(ballots)).responses("p")
        ['a', 'b']
        """
        from rlchf.io.frames import read_frame

        return cls.from_entries(read_frame(data, format, unranked), unranked)

    @classmethod
    def from_entries(cls, entries: Entries, unranked: Unranked = "missing") -> "Rankings":
        """Build from flat columns, one entry for each response that a ballot names.

        Every other way to build a `Rankings` goes through this one, which checks the input.

        Raises
        ------
        ValueError
            If there is no ballot, a rank, score or weight is not a finite number, a weight or strength is
            negative, an approval is none of 1, 0 and -1, a ballot names a response twice or none, or a
            prompt has one response only. The message says where.
        """
        checked(Unranked, unranked, "unranked")
        if entries.entry_ranks is None and entries.entry_scores is None and unranked == "last":
            # By approval, what is left out is tied with what is neutral, above what is disapproved.
            entries = entries.with_neutral()
        columns = sorted_columns(entries.checked())
        return cls(**columns, unranked=unranked, source=entries.source)

    def __repr__(self) -> str:
        lines = [
            f"  {shortened(prompt)}, {shortened(annotator)}: {shortened(ranking)}"
            for prompt, annotator, ranking in self._first_ballots()
        ]
        others = self.n_ballots - len(lines)
        more = [f"  ... and {others:,} more"] if others else []
        return "\n".join([self._title(), *lines, *more])

    def _repr_html_(self) -> str:
        names = ["prompt_id", "annotator_id", "ranking"]
        return html_table(self._title(), names, self._first_ballots())

    def _title(self) -> str:
        numbers = {
            "prompt": self.n_prompts,
            "annotator": len(self.annotator_ids),
            "response": len(self.response_ids),
            "ballot": self.n_ballots,
        }
        counts = ", ".join(counted(number, noun) for noun, number in numbers.items())
        origin = "" if self.source == "rankings" else f" of {self.source}"
        return f"Rankings{origin}: {counts}, unranked={self.unranked!r}"

    def _first_ballots(self, n: int = 5) -> list[tuple[str, str, str]]:
        """The prompt, the annotator and the ranking of the first ballots."""
        n = min(n, self.n_ballots)
        prompts = np.searchsorted(self.ballot_starts, np.arange(n), side="right") - 1
        rows = []
        for ballot, p in enumerate(prompts.tolist()):
            levels: dict[int, list[str]] = {}
            for entry in range(self.entry_starts[ballot], self.entry_starts[ballot + 1]):
                response = self.response_ids[self.response_starts[p] + self.entry_responses[entry]]
                levels.setdefault(int(self.entry_ranks[entry]), []).append(response)
            annotator = self.annotator_ids[int(self.ballot_annotators[ballot])]
            ranking = " > ".join(" = ".join(level) for level in levels.values())
            rows.append((self.prompt_ids[p], annotator, ranking))
        return rows

    @property
    def n_prompts(self) -> int:
        """Number of prompts, ``P``."""
        return len(self.prompt_ids)

    @property
    def n_ballots(self) -> int:
        """Number of ballots, ``N``; identical ballots given as one with a count are one here."""
        return len(self.ballot_annotators)

    @property
    def ballot_prompts(self) -> np.ndarray:
        """(N,) the prompt of each ballot, as an index into `prompt_ids`."""
        return np.repeat(np.arange(self.n_prompts), np.diff(self.ballot_starts))

    @cached_property
    def prompt_index(self) -> dict[str, int]:
        """The index of each prompt id."""
        return {prompt: i for i, prompt in enumerate(self.prompt_ids)}

    @property
    def anonymous(self) -> list[str]:
        """The ids that do not stand for one person each: those that begin with "anonymous:"."""
        return [annotator for annotator in self.annotator_ids if annotator.startswith(ANONYMOUS)]

    @property
    def ordered_by_approval(self) -> bool:
        """Whether every ballot states approvals and has its responses in the order of these."""
        if self.entry_approvals is None or self.entry_scores is not None:
            return False
        sizes = np.diff(self.response_starts)[self.ballot_prompts]
        if self.unranked == "last" and (np.diff(self.entry_starts) < sizes).any():
            return False  # what is left out is below, whatever it is thought of
        approvals, ranks = self.entry_approvals.astype(np.int64), self.entry_ranks
        same_ballot = np.ones(len(ranks) - 1, dtype=bool)
        same_ballot[self.entry_starts[1:-1] - 1] = False
        drops = (np.diff(approvals) < 0) == (np.diff(ranks) > 0)
        never_rises = np.diff(approvals) <= 0
        return bool((approvals != UNSTATED).all() and (drops & never_rises)[same_ballot].all())

    def responses(self, prompt_id: object) -> list[str]:
        """Ids of a prompt's responses."""
        p = self.prompt_index[str(prompt_id)]
        return self.response_ids[self.response_starts[p] : self.response_starts[p + 1]]

    def columns(self) -> dict[str, Any]:
        """The ballots as a long table, one row for each response that a ballot names.

        The columns are ``prompt_id``, ``annotator_id``, ``response_id``, ``score`` if the annotators gave
        scores and else ``rank``, unless the approvals say it all, and ``weight``; ``approval`` and
        ``strength`` if ballots state them; ``ballot_id`` if an annotator has several ballots on a prompt;
        ``count`` if a ballot stands for several.
        """
        sizes = np.diff(self.entry_starts)
        ballots = np.repeat(np.arange(self.n_ballots), sizes)  # (E,)
        prompts = self.ballot_prompts
        responses = self.response_starts[prompts[ballots]] + self.entry_responses
        annotators = self.ballot_annotators[ballots]
        columns: dict[str, Any] = {
            "prompt_id": [self.prompt_ids[p] for p in prompts[ballots]],
            "annotator_id": [self.annotator_ids[a] for a in annotators],
            "response_id": [self.response_ids[r] for r in responses],
        }
        if self.entry_scores is not None:
            columns["score"] = self.entry_scores
        elif not self.ordered_by_approval:
            columns["rank"] = self.entry_ranks
        if self.entry_approvals is not None:
            columns["approval"] = _filled(self.entry_approvals, self.entry_approvals != UNSTATED)
        if self.ballot_strengths is not None:
            strengths = self.ballot_strengths[ballots]
            columns["strength"] = _filled(strengths, ~np.isnan(strengths))
        columns["weight"] = (self.ballot_weights / self.ballot_counts)[ballots]
        owners = prompts * len(self.annotator_ids) + self.ballot_annotators
        if len(np.unique(owners)) < self.n_ballots:
            columns["ballot_id"] = ballots + 1
        if (self.ballot_counts != 1).any():
            columns["count"] = self.ballot_counts[ballots]
        return columns

    def to_frame(self) -> "pd.DataFrame":
        """The ballots as a long pandas table, which `from_frame` reads back.

        Responses that no ballot names have no row, and `from_frame` puts responses in the order of their
        ids.

        Examples
        --------
        >>> Rankings.from_ballots([("p", "ann", "b > a = c")]).to_frame()
          prompt_id annotator_id response_id  rank  weight
        0         p          ann           b     1     1.0
        1         p          ann           a     2     1.0
        2         p          ann           c     2     1.0
        """
        import pandas as pd

        return pd.DataFrame(self.columns())

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
        responses = ranges(self.response_starts[prompts], sizes)
        return self.with_ballots(
            ranges(self.ballot_starts[prompts], counts),
            prompt_ids=[self.prompt_ids[p] for p in prompts],
            response_ids=[self.response_ids[r] for r in responses],
            response_starts=offsets(sizes),
            ballot_starts=offsets(counts),
        )

    def with_ballots(self, ballots: np.ndarray, **columns: Any) -> "Rankings":
        """Some of the ballots, given as indices, and other columns of prompts, annotators and responses."""
        lengths = self.entry_starts[ballots + 1] - self.entry_starts[ballots]
        entries = ranges(self.entry_starts[ballots], lengths)
        rankings = replace(
            self,
            ballot_annotators=self.ballot_annotators[ballots],
            ballot_weights=self.ballot_weights[ballots],
            ballot_counts=self.ballot_counts[ballots],
            entry_starts=offsets(lengths),
            entry_responses=self.entry_responses[entries],
            entry_ranks=self.entry_ranks[entries],
            entry_scores=_taken(self.entry_scores, entries),
            entry_approvals=_taken(self.entry_approvals, entries),
            ballot_strengths=_taken(self.ballot_strengths, ballots),
        )
        return replace(rankings, **columns)

    def profiles(self, *, small: bool = False) -> Iterator[tuple[np.ndarray, Profiles]]:
        """Batches of prompts with equally many responses, with their indices into `prompt_ids`.

        By default each number of responses has one batch. ``small`` batches are such that a table of
        all pairs of responses fits into the processor's cache.
        """
        sizes = np.diff(self.response_starts)
        for size in np.unique(sizes).tolist():
            prompts = np.flatnonzero(sizes == size)
            for part in chunks(len(prompts), size**2) if small else [slice(None)]:
                yield prompts[part], self.batch(prompts[part])

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
        lengths = self.entry_starts[ballots + 1] - self.entry_starts[ballots]
        entries = ranges(self.entry_starts[ballots], lengths)
        column = np.repeat(np.arange(len(ballots)), lengths)
        ranks = np.zeros((M, len(ballots)), dtype=np.int16)
        ranks[self.entry_responses[entries], column] = self.entry_ranks[entries]
        if self.unranked == "last":
            np.copyto(ranks, ranks.max(axis=0) + np.int16(1), where=ranks == 0)
        scores = None
        if self.entry_scores is not None:
            scores = np.full(ranks.shape, np.nan)
            scores[self.entry_responses[entries], column] = self.entry_scores[entries]
        approvals = None
        if self.entry_approvals is not None:
            stated = self.entry_approvals[self.entry_starts[ballots]] != UNSTATED  # (K,)
            approvals = np.where(stated, 0, UNSTATED).astype(np.int8) + np.zeros_like(
                ranks, np.int8
            )
            approvals[self.entry_responses[entries], column] = self.entry_approvals[entries]
        return Profiles(
            ranks=ranks,
            starts=offsets(counts),
            weights=self.ballot_weights[ballots],
            annotators=self.ballot_annotators[ballots],
            scores=scores,
            approvals=approvals,
            prompts=np.asarray(prompts),
        )


def _filled(values: np.ndarray, known: np.ndarray) -> Any:
    """The values, as a list with None where they are not known if that is anywhere."""
    if known.all():
        return values
    return [
        value if is_known else None
        for value, is_known in zip(values.tolist(), known.tolist(), strict=True)
    ]


def _taken(values: np.ndarray | None, indices: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[indices]


def as_rankings(data: object) -> Rankings:
    """The rankings themselves, or those that a table holds (see `Rankings.from_frame`).

    Raises
    ------
    TypeError
        If the data are neither.
    ValueError
        If the table does not hold what it should.

    Examples
    --------
    >>> rows = [{"prompt_id": "p", "annotator_id": "ann", "chosen": "a", "rejected": "b"}]
    >>> as_rankings(rows).responses("p")
    ['a', 'b']
    """
    if isinstance(data, Rankings):
        return data
    if isinstance(data, Profiles):
        raise TypeError("rankings is a Profiles; call the rule itself: get_rule(name)(profiles)")
    from rlchf.io.frames import is_frame

    if not is_frame(data):
        raise TypeError(
            f"rankings is of type {type(data).__name__}; give a Rankings, a DataFrame (pandas, polars, "
            "pyarrow, DuckDB) or a list of dictionaries; rlchf.read_rankings reads a file"
        )
    return Rankings.from_frame(data)
