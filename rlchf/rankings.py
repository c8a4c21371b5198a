"""Every ballot of a dataset as columns, validated on construction."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rlchf.batches import batch
from rlchf.candidates import with_candidates
from rlchf.cleaning import Repeats, Skip, cleaned
from rlchf.display import html_table, shortened
from rlchf.entries import ANONYMOUS as ANONYMOUS
from rlchf.entries import Entries, sorted_columns
from rlchf.entry_checks import checked_columns
from rlchf.long_table import first_ballots, long_columns, title
from rlchf.numeric.chunks import chunks
from rlchf.numeric.segments import offsets, ranges, taken
from rlchf.numeric.weight_sums import check_weight_sums
from rlchf.options import checked
from rlchf.parts import Part
from rlchf.profiles import UNSTATED, Profiles
from rlchf.skipped import Skipped
from rlchf.soft_labels import comparison_weights, reweighted, with_reverse_ballots
from rlchf.triples import ballot_entries

if TYPE_CHECKING:
    import pandas as pd

Unranked = Literal["missing", "last"]
"""How to read a ballot that leaves out a response of its prompt.

``missing``: the annotator has no opinion of it, and no pair with it counts.
``last``: the annotator puts it below all that the ballot names, tied with the others it leaves out.
"""


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
        ballots that it stands for (its weight counts them already). The count 0 marks the reverse of the
        ballot before it: the two are a comparison with a probability (see `rlchf.soft_labels`).
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
    response_names
        (R,) names of the responses, where the input has names beside the ids, as PrefLib's files have;
        else None.
    unranked
        How to read responses that a ballot leaves out: "missing" or "last".
    source
        The name that error messages give to the dataset.
    skipped
        The rows of the input that do not count: its file, row, prompt_id, annotator_id, response_id and the
        reason.
    part
        Where these ballots stand in a dataset that is aggregated in parts; None where they are all of it.

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
    response_names: list[str] | None = None
    unranked: Unranked = "missing"
    source: str = "rankings"
    skipped: Sequence[Skipped] = ()
    part: Part | None = None

    @classmethod
    def from_ballots(
        cls,
        ballots: Iterable[tuple[object, object, object]],
        weights: Iterable[float] | None = None,
        *,
        unranked: Unranked = "missing",
        source: str = "rankings",
        skip: Skip = "none",
        repeats: Repeats = "refuse",
        candidates: Mapping[str, Collection[str]] | None = None,
    ) -> "Rankings":
        """Build from ``(prompt, annotator, ranking)`` triples.

        A ranking is best first, with ties as inner lists (``[["a"], ["b", "c"]]``) or in text
        (``"a > b = c"``). Lists, tuples and arrays are read alike, and a level may be a set. Ids may be
        strings or numbers; they are kept as text, without blanks at their ends. ``skip``,
        ``repeats`` and ``candidates`` are those of `from_entries`.

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
        entries = ballot_entries(ballots, weights, source)
        return cls.from_entries(
            entries, unranked, skip=skip, repeats=repeats, candidates=candidates
        )

    @classmethod
    def from_frame(
        cls,
        data: object,
        format: str = "auto",
        unranked: Unranked = "missing",
        *,
        columns: str | Mapping[str, str] | None = None,
        skip: Skip = "none",
        repeats: Repeats = "refuse",
        candidates: Mapping[str, Collection[str]] | None = None,
    ) -> "Rankings":
        """Build from a table: a DataFrame, a list of dictionaries or a dictionary of columns.

        Parameters
        ----------
        data
            Anything with ``__arrow_c_stream__`` (pandas, polars, pyarrow, DuckDB), a list with a
            dictionary for each row, or a dictionary with a list for each column. Its columns are those
            that `rlchf.read_rankings` takes.
        format
            The name of a format, as for `rlchf.read_rankings`; "auto" recognises it by the columns.
        unranked
            How to read responses that a ballot leaves out: "missing" (no opinion) or "last".
        columns
            The table's names of our columns, as for `rlchf.read_rankings`.
        skip, repeats, candidates
            As for `from_entries`.

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
        from rlchf.io.frames import checked_reading, frame_ballots

        checked(Unranked, unranked, "unranked")
        reading = checked_reading(format, columns)
        ballots = frame_ballots(data, reading, unranked, plain=candidates is None)
        if isinstance(ballots, dict):
            return cls(**ballots, unranked=unranked)
        return cls.from_entries(
            ballots, unranked, skip=skip, repeats=repeats, candidates=candidates
        )

    @classmethod
    def from_batches(
        cls,
        batches: Iterable[object],
        format: str = "auto",
        unranked: Unranked = "missing",
        *,
        columns: str | Mapping[str, str] | None = None,
        skip: Skip = "none",
        repeats: Repeats = "refuse",
        candidates: Mapping[str, Collection[str]] | None = None,
    ) -> "Rankings":
        """Build from batches of Arrow rows, as engines give them: together they are one table.

        The ids of a long table are kept as codes, so that its batches need not be in memory together. A
        ballot's rows may be in several batches.

        Parameters
        ----------
        batches
            Record batches or tables of pyarrow, or anything with ``__arrow_c_array__`` or
            ``__arrow_c_stream__``, all with the same columns; also one stream of them, such as a relation of
            DuckDB.
        format, unranked, columns, skip, repeats, candidates
            As for `from_frame`.

        Raises
        ------
        TypeError
            If something is no batch.
        ValueError
            If there is no batch, one has other columns, or the table does not hold what it should; the
            message names the row, counted from 1 over all batches.

        Examples
        --------
        >>> import pyarrow as pa
        >>> names = ["prompt_id", "annotator_id", "response_id", "rank"]
        >>> rows = (["p", "ann", "a", 2], ["p", "ann", "b", 1])
        >>> Rankings.from_batches(pa.record_batch([[x] for x in row], names=names) for row in rows)
        Rankings of table: 1 prompt, 1 annotator, 2 responses, 1 ballot, unranked='missing'
          p, ann: b > a
        """
        from rlchf.io.arrow_batches import gathered_table
        from rlchf.io.frames import checked_reading

        table = gathered_table(batches, checked_reading(format, columns))
        return cls.from_frame(
            table,
            format,
            unranked,
            columns=columns,
            skip=skip,
            repeats=repeats,
            candidates=candidates,
        )

    @classmethod
    def from_entries(
        cls,
        entries: Entries,
        unranked: Unranked = "missing",
        *,
        skip: Skip = "none",
        repeats: Repeats = "refuse",
        candidates: Mapping[str, Collection[str]] | None = None,
    ) -> "Rankings":
        """Build from flat columns, one entry for each response that a ballot names.

        Every other way to build a `Rankings` goes through this one, which checks the input.

        Parameters
        ----------
        unranked
            How to read responses that a ballot leaves out: "missing" (no opinion) or "last".
        skip
            "bad" leaves out blank ballots, empty ranks, scores and approvals, and prompts with one response
            only; a warning counts them and ``skipped`` lists them. By default they are refused.
        repeats
            Which ballot of an annotator with several on a prompt counts: "first", "last" or "all"; "refuse"
            refuses them.
        candidates
            Ids of the responses on offer, by prompt; a response that no ballot names is then one too, and
            another one is refused.

        Raises
        ------
        ValueError
            If columns differ in length, a code is out of range or an id comes twice; if there is no ballot, a
            rank, score or weight is not a finite number, a weight or strength is negative, the weights of a
            prompt cannot be added up, an approval is none of 1, 0 and -1, or there is anything of the above
            that is to be refused. The message says where.
        """
        checked(Unranked, unranked, "unranked")
        entries = checked_columns(entries)
        if candidates is not None:
            entries = with_candidates(entries, candidates)
        entries, skipped = cleaned(entries, skip, repeats)
        if entries.entry_ranks is None and entries.entry_scores is None and unranked == "last":
            # By approval, what is left out is tied with what is neutral, above what is disapproved.
            entries = entries.with_neutral()
        columns = sorted_columns(with_reverse_ballots(entries.checked()))
        weights = comparison_weights(columns["ballot_weights"], columns["ballot_counts"])
        check_weight_sums(weights, columns["ballot_starts"], entries.prompt_ids, entries.source)
        return cls(**columns, unranked=unranked, source=entries.source, skipped=skipped)

    def __repr__(self) -> str:
        lines = [
            f"  {shortened(prompt)}, {shortened(annotator)}: {shortened(ranking)}"
            for prompt, annotator, ranking in first_ballots(self)
        ]
        others = self.n_ballots - int(self.is_reverse.sum()) - len(lines)
        more = [f"  ... and {others:,} more"] if others else []
        return "\n".join([title(self), *lines, *more])

    def _repr_html_(self) -> str:
        names = ["prompt_id", "annotator_id", "ranking"]
        return html_table(title(self), names, first_ballots(self))

    @property
    def n_prompts(self) -> int:
        """Number of prompts, ``P``."""
        return len(self.prompt_ids)

    @property
    def first_prompt(self) -> int:
        """The number of the first prompt: 0, or where this is a part of a dataset what comes before."""
        return 0 if self.part is None else self.part.first_prompt

    @property
    def n_ballots(self) -> int:
        """Number of ballots, ``N``; identical ballots given as one with a count are one here.

        A comparison with a probability between 1/2 and 1 is two.
        """
        return len(self.ballot_annotators)

    @property
    def is_reverse(self) -> np.ndarray:
        """(N,) bool: whether a ballot is the less likely order of the comparison before it."""
        return np.asarray(self.ballot_counts == 0)

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
    def states_approvals(self) -> np.ndarray:
        """(N,) bool: whether each ballot says which responses it approves."""
        if self.entry_approvals is None:
            return np.zeros(self.n_ballots, dtype=bool)
        return np.asarray(self.entry_approvals[self.entry_starts[:-1]] != UNSTATED)

    def responses(self, prompt_id: object) -> list[str]:
        """Ids of a prompt's responses."""
        p = self.prompt_index[str(prompt_id)]
        return self.response_ids[self.response_starts[p] : self.response_starts[p + 1]]

    def columns(self) -> dict[str, Any]:
        """The ballots as a long table, one row for each response that a ballot names.

        The columns are ``prompt_id``, ``annotator_id``, ``response_id``, ``score`` if the annotators gave
        scores and else ``rank``, unless the approvals say it all, and ``weight``; ``approval`` and
        ``strength`` if ballots state them; ``probability`` if some comparison has one below 1 and above 1/2;
        ``ballot_id`` if an annotator has several ballots on a prompt;
        ``count`` if a ballot stands for several.
        """
        return long_columns(self)

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
        """The same ballots, each multiplied by its annotator's weight; annotators not named keep 1.

        Raises
        ------
        ValueError
            If a weight is no finite number or negative, or the weights of a prompt then add up to more or
            less than can be computed with.
        """
        for annotator, weight in annotator_weights.items():
            if not 0 <= weight < float("inf"):
                raise ValueError(
                    f"{self.source}: the weight of annotator {annotator!r} is {weight}; give a number "
                    "that is 0 or more"
                )
        factors = np.array([annotator_weights.get(a, 1.0) for a in self.annotator_ids])
        of_ballots = factors[self.ballot_annotators]
        with np.errstate(over="ignore", under="ignore"):  # sums out of range are refused
            weights = reweighted(self.ballot_weights, self.ballot_counts, of_ballots)
        vanished = (weights == 0) & (self.ballot_weights > 0) & (of_ballots > 0)
        weights[vanished] = np.finfo(np.float64).tiny
        whole = comparison_weights(weights, self.ballot_counts)
        check_weight_sums(whole, self.ballot_starts, self.prompt_ids, self.source)
        return replace(self, ballot_weights=weights)

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
            response_names=self.response_names and [self.response_names[r] for r in responses],
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
            entry_scores=taken(self.entry_scores, entries),
            entry_approvals=taken(self.entry_approvals, entries),
            ballot_strengths=taken(self.ballot_strengths, ballots),
        )
        return replace(rankings, **columns)

    def profiles(self, *, small: bool = False) -> Iterator[tuple[np.ndarray, Profiles]]:
        """Batches of prompts with equally many responses, with their indices into `prompt_ids`.

        By default each number of responses has one batch. ``small`` batches are such that a table of
        all pairs of responses fits into the processor's cache.
        """
        sizes = np.diff(self.response_starts)
        for size in np.flatnonzero(np.bincount(sizes)).tolist():
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
        return batch(self, prompts)


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
