"""The outcome of a rule: one collective ranking per prompt."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlchf.rankings import Rankings

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 2**17  # responses ranked together: they should fit into the processor's cache


@dataclass(frozen=True, eq=False)
class Aggregation:
    """A weak order of the responses of every prompt, with scores, and the rule that made it.

    Attributes
    ----------
    prompt_ids
        (P,) ids, in the order of the rankings that were aggregated.
    response_ids
        (R,) ids; those of prompt ``p`` are at ``response_starts[p]`` to ``response_starts[p + 1]``.
    response_scores, response_ranks
        (R,) score (higher is better) and place (1 is best, equal is tied, dense).
    ballots
        (P,) how many ballots stand behind each prompt.
    rule, options
        The rule's name and the options it was given, besides its defaults; among them ``ties``, if it was
        said what to do with them, and ``seed``, if anything was drawn with it.
    probabilities
        Of rules that give every pair a probability: that response i is above j, for the pairs i < j of
        the first prompt, (0, 1), (0, 2), ..., (1, 2), ..., then those of the second, and so on; else None.

    Examples
    --------
    >>> import rlchf
    >>> result = rlchf.aggregate(rlchf.Rankings.from_ballots([("p", "ann", [["b"], ["a", "c"]])]))
    >>> result.ranking("p")
    [['b'], ['a', 'c']]
    >>> result.scores("p")
    {'a': 0.5, 'b': 2.0, 'c': 0.5}
    """

    prompt_ids: list[str]
    response_ids: list[str]
    response_starts: np.ndarray
    response_scores: np.ndarray
    response_ranks: np.ndarray
    ballots: np.ndarray
    rule: str
    options: dict[str, Any] = field(default_factory=dict)
    probabilities: np.ndarray | None = None

    @classmethod
    def from_scores(
        cls,
        rankings: Rankings,
        scores: np.ndarray,
        rule: str,
        options: dict[str, Any],
        preferred: np.ndarray | None = None,
    ) -> "Aggregation":
        """Rank the responses of each prompt by their scores, (R,), given in the order of ``rankings``.

        Of responses with equal scores the one that is ``preferred`` (R,) more comes first.
        """
        keys = [scores] if preferred is None else [scores, preferred]
        starts = rankings.ballot_starts[:-1]
        return cls(
            prompt_ids=rankings.prompt_ids,
            response_ids=rankings.response_ids,
            response_starts=rankings.response_starts,
            response_scores=scores,
            response_ranks=_places(rankings.response_starts, keys),
            ballots=np.add.reduceat(rankings.ballot_counts, starts),
            rule=rule,
            options=options,
        )

    def __len__(self) -> int:
        return len(self.prompt_ids)

    @cached_property
    def _pair_starts(self) -> np.ndarray:
        sizes = np.diff(self.response_starts)
        return np.concatenate([[0], np.cumsum(sizes * (sizes - 1) // 2)])

    @cached_property
    def _index(self) -> dict[str, int]:
        return {prompt: i for i, prompt in enumerate(self.prompt_ids)}

    def _slice(self, prompt_id: object) -> slice:
        if str(prompt_id) not in self._index:
            raise KeyError(
                f"no prompt {str(prompt_id)!r} in this aggregation of {len(self)} prompts"
            )
        p = self._index[str(prompt_id)]
        return slice(int(self.response_starts[p]), int(self.response_starts[p + 1]))

    def scores(self, prompt_id: object) -> dict[str, float]:
        """Each response's score; what it means is said by the rule's own page."""
        at = self._slice(prompt_id)
        return dict(zip(self.response_ids[at], self.response_scores[at].tolist(), strict=True))

    def ranking(self, prompt_id: object) -> list[list[str]]:
        """The responses best first, tied ones together in one inner list."""
        at = self._slice(prompt_id)
        ranks = self.response_ranks[at].tolist()
        levels: list[list[str]] = [[] for _ in range(max(ranks))]
        for response, rank in zip(self.response_ids[at], ranks, strict=True):
            levels[rank - 1].append(response)
        return levels

    def pair_probabilities(self, prompt_id: object) -> np.ndarray | None:
        """(K, K) the probability that response i is above j, NaN on the diagonal; None if there is none."""
        if self.probabilities is None:
            return None
        at = self._slice(prompt_id)
        K, start = at.stop - at.start, int(self._pair_starts[self._index[str(prompt_id)]])
        table = np.full((K, K), np.nan)
        upper = np.triu_indices(K, 1)
        table[upper] = self.probabilities[start : start + len(upper[0])]
        table.T[upper] = (1 - table[upper]).round(9)
        return table

    def records(self) -> Iterator[dict[str, Any]]:
        """One dictionary per prompt, as it stands in a line of the jsonl file."""
        given = {"options": json.loads(_written(self.options))} if self.options else {}
        for p, prompt in enumerate(self.prompt_ids):
            record: dict[str, Any] = {
                "prompt_id": prompt,
                "rule": self.rule,
                **given,
                "ranking": self.ranking(prompt),
                "scores": self.scores(prompt),
                "ballots": int(self.ballots[p]),
            }
            table = self.pair_probabilities(prompt)
            if table is not None:
                ids, rows = list(record["scores"]), table.tolist()
                record["probabilities"] = {
                    one: {other: rows[i][j] for j, other in enumerate(ids) if i != j}
                    for i, one in enumerate(ids)
                }
            yield record

    def columns(self) -> dict[str, Any]:
        """One row per prompt and response, best first, as it stands in a csv or parquet file."""
        sizes = np.diff(self.response_starts)
        prompt = np.repeat(np.arange(len(self)), sizes)
        order = np.lexsort((self.response_ranks, prompt))  # stable: ties keep the responses' order
        found = {
            "prompt_id": [self.prompt_ids[p] for p in prompt],
            "response_id": [self.response_ids[r] for r in order],
            "rank": self.response_ranks[order],
            "score": self.response_scores[order],
            "rule": [self.rule] * len(order),
            "ballots": np.repeat(self.ballots, sizes),
        }
        if self.options:
            found["options"] = [_written(self.options)] * len(order)
        return found

    def to_frame(self) -> "pd.DataFrame":
        """The collective rankings as a table, one row per prompt and response, best first."""
        import pandas as pd

        return pd.DataFrame(self.columns())

    @classmethod
    def read(cls, path: str | Path, rankings: Rankings | None = None) -> "Aggregation":
        """Read what `write` wrote, or a table of scores; see `rlchf.io.aggregations.read_aggregation`."""
        from rlchf.io.aggregations import read_aggregation

        return read_aggregation(path, rankings)

    def write(self, path: str | Path) -> None:
        """Write a ``.jsonl``, ``.csv``, ``.tsv`` or ``.parquet`` file, by the path's ending.

        The file appears complete or not at all. ``-`` writes jsonl to standard output; ``.gz`` and
        ``.zst`` compress.
        """
        from rlchf.io.atomic import atomic_write
        from rlchf.io.tables import table_format, write_table

        if table_format(path) != "jsonl":
            write_table(path, self.columns())
            return
        with atomic_write(path) as file:
            for record in self.records():
                file.write((json.dumps(record, ensure_ascii=False) + "\n").encode())


def _written(options: dict[str, Any]) -> str:
    """Options as JSON; what JSON has no word for, such as a function, by its name."""
    return json.dumps(
        options,
        ensure_ascii=False,
        default=lambda x: x.tolist() if hasattr(x, "tolist") else getattr(x, "__name__", str(x)),
    )


def _places(starts: np.ndarray, keys: list[np.ndarray]) -> np.ndarray:
    """(R,) places of the responses within each prompt, by the first key, then the second; dense."""
    places = np.empty(int(starts[-1]), dtype=np.int64)
    sizes = np.diff(starts)
    for size in np.unique(sizes):
        prompts = np.flatnonzero(sizes == size)
        for part in np.array_split(prompts, 1 + len(prompts) * int(size) // CHUNK):
            at = starts[part][:, None] + np.arange(size)  # (B, M)
            here = [key[at] for key in keys]
            order = np.lexsort([-key for key in reversed(here)], axis=1)
            step = np.zeros(at.shape, dtype=np.int64)
            for key in here:
                downwards = np.take_along_axis(key, order, axis=1)
                step[:, 1:] |= downwards[:, 1:] != downwards[:, :-1]
            places[np.take_along_axis(at, order, axis=1)] = np.cumsum(step, axis=1) + 1
    return places
