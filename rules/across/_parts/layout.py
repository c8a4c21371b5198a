"""A whole dataset as flat arrays, prompt after prompt: what compiled loops across prompts read."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numba import njit

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings

Order = Literal["input", "shuffled"]
"""Whether a rule goes through the prompts as they come or shuffled with a seed."""

BLOCK = 10_000
"""How many prompts a compiled loop decides before Python looks whether to stop."""


@dataclass(frozen=True, eq=False)
class Sequence:
    """Ballots laid out for loops over prompts.

    Attributes
    ----------
    rankings
        Where the ballots are from.
    prompts
        (P,) int64, the prompts in the order in which they are decided.
    sizes
        (P,) int64, M of each prompt.
    """

    rankings: Rankings
    prompts: np.ndarray
    sizes: np.ndarray

    @property
    def ballots(self) -> np.ndarray:
        """(P + 1,) int64: those of prompt p are ``ballots[p]`` to ``ballots[p + 1]``."""
        return self.rankings.ballot_starts

    @property
    def weights(self) -> np.ndarray:
        """(N,) float64, of each ballot."""
        return self.rankings.ballot_weights

    @property
    def annotators(self) -> np.ndarray:
        """(N,) int64, of each ballot."""
        return self.rankings.ballot_annotators

    @property
    def n_annotators(self) -> int:
        """How many annotators the dataset has."""
        return len(self.rankings.annotator_ids)

    @property
    def responses(self) -> np.ndarray:
        """(P + 1,) int64: where the responses of each prompt begin among all."""
        return self.rankings.response_starts

    @cached_property
    def whole(self) -> tuple[np.ndarray, np.ndarray]:
        """`block` of all prompts, as the rankings have them."""
        return self.block(np.arange(len(self.prompts)))

    def block(self, prompts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the ranks of each of these prompts begin, and the ranks.

        Rules that see each prompt once ask for `BLOCK` prompts at a time: the ranks then stay in the
        processor's cache, and a dataset needs no second copy.

        Returns
        -------
        (B,) int64 cells, and int16 ranks: the t-th prompt's V x M of them, ballot after ballot, begin
        at ``cells[t]``; 1 is best, equal is tied, 0 for a response that the ballot does not name.
        """
        given = self.rankings
        counts = self.ballots[prompts + 1] - self.ballots[prompts]
        cells = np.concatenate([[0], np.cumsum(self.sizes[prompts] * counts)])
        ranks = np.zeros(int(cells[-1]), dtype=np.int16)
        _fill(
            prompts, self.sizes, self.ballots, given.entry_starts, given.entry_responses,
            given.entry_ranks, given.unranked == "last", ranks,
        )  # fmt: skip
        return cells[:-1], ranks

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Prompts, cells and ranks of one block after the other, in the order of deciding."""
        for begin in range(0, len(self.prompts), BLOCK):
            prompts = self.prompts[begin : begin + BLOCK]
            yield prompts, *self.block(prompts)


def sequence(rankings: Rankings, order: Order = "input", seed: int = 0) -> Sequence:
    """Lay a dataset out.

    Examples
    --------
    >>> ballots = [("p", "ann", "b > a"), ("p", "bob", "a"), ("q", "ann", "x = y")]
    >>> sequence(Rankings.from_ballots(ballots)).whole
    (array([0, 4]), array([2, 1, 1, 0, 1, 1], dtype=int16))
    """
    prompts = np.arange(rankings.n_prompts)
    if order == "shuffled":
        np.random.default_rng(seed).shuffle(prompts)
    return Sequence(rankings, prompts, np.diff(rankings.response_starts))


@njit(cache=True, nogil=True)
def _fill(
    prompts: np.ndarray, sizes: np.ndarray, ballots: np.ndarray, entry_starts: np.ndarray,
    responses: np.ndarray, places: np.ndarray, unranked_last: bool, ranks: np.ndarray,
) -> None:  # fmt: skip
    """Write each ballot's places to its cells; compiled, for it needs no memory of its own."""
    cell = 0
    for p in prompts:
        for ballot in range(ballots[p], ballots[p + 1]):
            last = 1
            for entry in range(entry_starts[ballot], entry_starts[ballot + 1]):
                ranks[cell + responses[entry]] = places[entry]
                last = max(last, places[entry] + 1)
            if unranked_last:
                for i in range(sizes[p]):
                    if ranks[cell + i] == 0:
                        ranks[cell + i] = last
            cell += sizes[p]


def ranked(rankings: Rankings, scores: np.ndarray, rule: str, **options: object) -> Aggregation:
    """The outcome of a rule across prompts, from the (R,) scores of all responses."""
    return Aggregation.from_scores(rankings, scores, rule, dict(options))
