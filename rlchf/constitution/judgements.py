"""Judgements of principles on pairs of responses, as columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from rlchf.display import counted


class Judgement(NamedTuple):
    """A principle's answer about one pair of responses, of which ``first`` is the one with the smaller id.

    ``soft_label`` is the probability that ``first`` is preferred, averaged over the orders that were
    asked; ``shown_first`` and ``shown_second`` are those of each order, by where ``first`` was shown, NaN
    if that order was not asked. ``cannot_tell`` is the mean probability of that answer, ``nonsense`` a
    number of answers.
    """

    prompt_id: str
    principle: str
    first: str
    second: str
    soft_label: float
    weight: float = 1.0
    shown_first: float = np.nan
    shown_second: float = np.nan
    cannot_tell: float = 0.0
    nonsense: int = 0


@dataclass(frozen=True, eq=False)
class Judgements:
    """All judgements of a constitution's principles.

    Each pair is in the order of its ids, so that a soft label of 1 always prefers the response whose id
    comes first. Judgements without a usable answer have a soft label that is not a number.

    Attributes
    ----------
    principles
        (K,) names, in the order of the constitution or the file.
    prompts
        (P,) ids of the prompts, in the order of the file.
    pairs
        (Q,) prompt, first and second response of each pair.
    pair_prompts
        (Q,) the index of each pair's prompt.
    row_pairs, row_principles
        (N,) the pair and the principle of each judgement.
    soft_labels, weights, shown_first, shown_second, cannot_tell, nonsense
        (N,) see `Judgement`.
    """

    principles: list[str]
    prompts: list[str]
    pairs: list[tuple[str, str, str]]
    pair_prompts: np.ndarray
    row_pairs: np.ndarray
    row_principles: np.ndarray
    soft_labels: np.ndarray
    weights: np.ndarray
    shown_first: np.ndarray
    shown_second: np.ndarray
    cannot_tell: np.ndarray
    nonsense: np.ndarray

    @classmethod
    def of(
        cls, rows: Iterable[Judgement], principles: Sequence[str] | None = None, source: str = ""
    ) -> "Judgements":
        """Judgements from rows.

        Parameters
        ----------
        principles
            The principles in their order, of which those without a row are left out; by default in the
            order of the rows.
        source
            What messages begin with.

        Raises
        ------
        ValueError
            If there is no row, a principle judges a pair twice, or is none of the principles.

        Examples
        --------
        >>> rows = [Judgement("p", "kind", "a", "b", 0.8), Judgement("p", "brief", "a", "b", 0.3)]
        >>> Judgements.of(rows).table
        array([[0.8, 0.3]])
        """
        rows = list(rows)
        begin = f"{source}: " if source else ""
        if not rows:
            raise ValueError(f"{begin}there is no judgement")
        present = dict.fromkeys(row.principle for row in rows)
        if principles is not None:
            unknown = [name for name in present if name not in principles]
            if unknown:
                raise ValueError(
                    f"{begin}{unknown[0]!r} is no principle of the constitution, which has "
                    f"{', '.join(principles)}"
                )
        names = [name for name in principles or present if name in present]
        prompts = list(dict.fromkeys(row.prompt_id for row in rows))
        pairs = list(dict.fromkeys((row.prompt_id, row.first, row.second) for row in rows))
        index = {name: i for i, name in enumerate(names)}
        of_prompt = {name: i for i, name in enumerate(prompts)}
        of_pair = {pair: i for i, pair in enumerate(pairs)}
        row_pairs = np.array([of_pair[row.prompt_id, row.first, row.second] for row in rows])
        row_principles = np.array([index[row.principle] for row in rows])
        _refuse_repeats(row_pairs * len(names) + row_principles, rows, begin)
        return cls(
            names, prompts, pairs, np.array([of_prompt[pair[0]] for pair in pairs]),
            row_pairs, row_principles,
            *(np.array(column, dtype=float) for column in list(zip(*rows, strict=True))[4:]),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.row_pairs)

    def __repr__(self) -> str:
        sizes = (
            (self.principles, "principle"),
            (self.prompts, "prompt"),
            (self.pairs, "pair"),
            (self.row_pairs, "judgement"),
        )
        return f"<Judgements: {', '.join(counted(len(one), noun) for one, noun in sizes)}>"

    @cached_property
    def table(self) -> np.ndarray:
        """(Q, K) the soft labels, NaN where a principle did not judge a pair."""
        table = np.full((len(self.pairs), len(self.principles)), np.nan)
        table[self.row_pairs, self.row_principles] = self.soft_labels
        return table

    @cached_property
    def signed(self) -> np.ndarray:
        """(Q, K) the soft labels from -1, the second response is preferred, to 1, the first is."""
        return np.asarray(2 * self.table - 1)

    @cached_property
    def principle_weights(self) -> np.ndarray:
        """(K,) the mean weight of each principle's judgements."""
        K = len(self.principles)
        sums = np.bincount(self.row_principles, self.weights, K)
        return np.asarray(sums / np.bincount(self.row_principles, minlength=K))

    @property
    def row_prompts(self) -> np.ndarray:
        """(N,) the prompt of each judgement."""
        return np.asarray(self.pair_prompts[self.row_pairs])

    @property
    def usable(self) -> np.ndarray:
        """(N,) bool, whether a judgement has an answer that can count."""
        return np.asarray(~np.isnan(self.soft_labels))

    def rows(self) -> list[Judgement]:
        """The judgements one by one."""
        columns = zip(
            self.soft_labels.tolist(), self.weights.tolist(), self.shown_first.tolist(),
            self.shown_second.tolist(), self.cannot_tell.tolist(),
            self.nonsense.astype(int).tolist(), strict=True,
        )  # fmt: skip
        places = zip(self.row_pairs.tolist(), self.row_principles.tolist(), strict=True)
        return [
            Judgement(self.pairs[pair][0], self.principles[k], *self.pairs[pair][1:], *values)
            for (pair, k), values in zip(places, columns, strict=True)
        ]

    def weighted(self, weights: Mapping[str, float]) -> "Judgements":
        """The same judgements, each multiplied by its principle's weight; principles not named keep 1."""
        factors = np.array([weights.get(name, 1.0) for name in self.principles])
        return replace(self, weights=self.weights * factors[self.row_principles])


def _refuse_repeats(cells: np.ndarray, rows: Sequence[Judgement], begin: str) -> None:
    """Refuse two judgements of one pair by one principle."""
    _, first, counts = np.unique(cells, return_index=True, return_counts=True)
    if (counts > 1).any():
        row = rows[int(first[counts > 1].min())]
        raise ValueError(
            f"{begin}principle {row.principle!r} judges responses {row.first!r} and {row.second!r} of prompt "
            f"{row.prompt_id!r} more than once; keep one of the judgements"
        )
