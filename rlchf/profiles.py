"""A batch of prompts with equally many responses: what a per-prompt rule sees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rlchf.arrays import Array, array_namespace, device, segment_sum


@dataclass(frozen=True, eq=False)
class Profiles:
    """Ballots of ``B`` prompts, all with exactly ``M`` responses, stored end to end.

    There is no padding and there are no masks: prompts are grouped by ``M`` before they come here.

    Attributes
    ----------
    ranks
        (M, K) int16. ``ranks[i, k]`` is the place of response ``i`` on ballot ``k``: 1 is best, equal
        is tied, 0 means that the ballot says nothing about the response. Contiguous per response,
        because every pairwise rule compares whole rows.
    starts
        (B + 1,) numpy int64. Ballots ``starts[b]`` to ``starts[b + 1]`` belong to prompt ``b``;
        every prompt has at least one.
    weights
        (K,) float64, at least 0. Weight 2 counts as two ballots.
    annotators
        (K,) numpy int64. Who cast the ballot, as an index into the dataset's annotators.
    scores
        (M, K) float64 or None. The annotators' own scores (higher is better, NaN where there is none),
        kept when the ballots came as scores.
    """

    ranks: Array
    starts: np.ndarray
    weights: Array
    annotators: np.ndarray
    scores: Array | None = None

    @classmethod
    def from_ballots(
        cls,
        prompts: Sequence[Sequence[str]],
        responses: Sequence[str] | None = None,
        weights: Sequence[Sequence[float]] | None = None,
    ) -> "Profiles":
        """Build a batch from ballots written as text, for examples and tests.

        Parameters
        ----------
        prompts
            For each prompt its ballots, such as ``["a > b = c", "c > a"]``; responses that a ballot
            does not name are missing from it.
        responses
            The responses in order; by default all that are named, sorted.
        weights
            For each prompt the weights of its ballots; by default 1.

        Raises
        ------
        ValueError
            If a ballot names a response twice or one that is not in ``responses``.

        Examples
        --------
        >>> profiles = Profiles.from_ballots([["a > b > c", "c > a = b"]])
        >>> profiles.ranks
        array([[1, 2],
               [2, 2],
               [3, 1]], dtype=int16)
        >>> profiles.wins[0]
        array([[0., 1., 1.],
               [0., 0., 1.],
               [1., 1., 0.]])
        """
        parsed = [[parse_ballot(ballot) for ballot in ballots] for ballots in prompts]
        names = list(responses) if responses is not None else _names(parsed)
        index = {name: i for i, name in enumerate(names)}
        columns = []
        for ballots in parsed:
            for levels in ballots:
                column = np.zeros(len(names), dtype=np.int16)
                for place, level in enumerate(levels, start=1):
                    for name in level:
                        if name not in index:
                            raise ValueError(f"a ballot names {name!r}; choose from {names}")
                        if column[index[name]]:
                            raise ValueError(f"a ballot names {name!r} twice")
                        column[index[name]] = place
                columns.append(column)
        counts = [len(ballots) for ballots in parsed]
        flat = [w for ws in weights for w in ws] if weights is not None else [1.0] * sum(counts)
        return cls(
            ranks=np.ascontiguousarray(np.array(columns, dtype=np.int16).T),
            starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            weights=np.array(flat, dtype=np.float64),
            annotators=np.concatenate([np.arange(n) for n in counts]),
        )

    @property
    def n_prompts(self) -> int:
        """Number of prompts, ``B``."""
        return len(self.starts) - 1

    @property
    def n_responses(self) -> int:
        """Number of responses of each prompt, ``M``."""
        return int(self.ranks.shape[0])

    @cached_property
    def wins(self) -> Array:
        """(B, M, M) float64: the weight of the ballots that rank ``i`` above ``j``.

        A ballot that says nothing about one of the two counts for neither.
        """
        xp = array_namespace(self.ranks)
        M, place = self.n_responses, device(self.ranks)
        wins = xp.zeros((self.n_prompts, M, M), dtype=xp.float64, device=place)
        unit = bool(xp.all(self.weights == 1))
        ranked = None if bool(xp.all(self.ranks > 0)) else self.ranks > 0
        for i in range(M - 1):
            rank, others = self.ranks[i], self.ranks[i + 1 :]  # (K,) and (M - i - 1, K)
            above, below = rank < others, others < rank
            if ranked is not None:
                both = ranked[i] & ranked[i + 1 :]
                above, below = above & both, below & both
            wins[:, i, i + 1 :] = self._tally(xp, above, unit).T
            wins[:, i + 1 :, i] = self._tally(xp, below, unit).T
        return wins

    @cached_property
    def compared(self) -> Array:
        """(B, M, M) float64: the weight of the ballots that rank both ``i`` and ``j``; 0 for ``i = j``."""
        xp = array_namespace(self.ranks)
        M, place = self.n_responses, device(self.ranks)
        compared = xp.zeros((self.n_prompts, M, M), dtype=xp.float64, device=place)
        ranked = self.ranks > 0
        for i in range(M - 1):
            both = self._tally(xp, ranked[i] & ranked[i + 1 :], unit=False).T  # (B, M - i - 1)
            compared[:, i, i + 1 :] = both
            compared[:, i + 1 :, i] = both
        return compared

    def _tally(self, xp: Any, hits: Array, unit: bool) -> Array:
        """Weight of the ballots hit, per row and prompt: (R, K) bool to (R, B)."""
        counted = xp.astype(hits, xp.int32) if unit else hits * self.weights
        return segment_sum(counted, self.starts)

    @cached_property
    def margins(self) -> Array:
        """(B, M, M) float64: the weight for ``i`` above ``j`` minus the weight for ``j`` above ``i``."""
        xp = array_namespace(self.wins)
        margins = self.wins - xp.matrix_transpose(self.wins)
        if bool(xp.all(self.weights == xp.round(self.weights))):
            return margins
        # Fractions add up with rounding errors: 0.1 + 0.2 against 0.3 should be the tie that it is.
        totals = xp.where(self.totals > 0, self.totals, 1.0)
        grid = (2.0 ** (xp.ceil(xp.log2(totals)) - 40))[:, None, None]
        return xp.round(margins / grid) * grid

    @cached_property
    def totals(self) -> Array:
        """(B,) float64: the weight of all ballots of each prompt."""
        return segment_sum(self.weights, self.starts)

    def reweighted(self, weights: Array) -> "Profiles":
        """The same ballots with other weights, (K,)."""
        return Profiles(self.ranks, self.starts, weights, self.annotators, self.scores)

    def map(self, convert: Callable[[Array], Array]) -> "Profiles":
        """The same batch with each array converted, say by ``torch.as_tensor``."""
        scores = None if self.scores is None else convert(self.scores)
        return Profiles(
            convert(self.ranks), self.starts, convert(self.weights), self.annotators, scores
        )


def parse_ballot(ballot: str) -> list[list[str]]:
    """The levels of a ballot such as ``a > b = c``, best first.

    Examples
    --------
    >>> parse_ballot("a > b = c")
    [['a'], ['b', 'c']]
    """
    levels = (level.split("=") for level in ballot.split(">")) if ballot.strip() else ()
    return [[name.strip() for name in level] for level in levels]


def _names(parsed: list[list[list[list[str]]]]) -> list[str]:
    return sorted({name for ballots in parsed for b in ballots for level in b for name in level})
