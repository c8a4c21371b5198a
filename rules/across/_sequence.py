"""A whole dataset as flat arrays, prompt after prompt: what compiled loops across prompts read."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numba import njit

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings

Order = Literal["input", "shuffled"]
"""Whether a rule goes through the prompts as they come or shuffled with a seed."""


@dataclass(frozen=True, eq=False)
class Sequence:
    """Ballots laid out for loops over prompts.

    Attributes
    ----------
    prompts
        (P,) int64, the prompts in the order in which they are decided.
    sizes
        (P,) int64, M of each prompt.
    ballots
        (P + 1,) int64: those of prompt p are ``ballots[p]`` to ``ballots[p + 1]``.
    cells
        (P,) int64: where the ranks of prompt p begin in ``ranks``, V x M of them, ballot after ballot.
    ranks
        int16: 1 is best, equal is tied, 0 for a response that the ballot does not name.
    weights, annotators
        (N,) float64 and int64, of each ballot.
    n_annotators
        How many annotators the dataset has.
    responses
        (P + 1,) int64: where the responses of each prompt begin among all.
    """

    prompts: np.ndarray
    sizes: np.ndarray
    ballots: np.ndarray
    cells: np.ndarray
    ranks: np.ndarray
    weights: np.ndarray
    annotators: np.ndarray
    n_annotators: int
    responses: np.ndarray


def sequence(rankings: Rankings, order: Order = "input", seed: int = 0) -> Sequence:
    """Lay a dataset out.

    Examples
    --------
    >>> ballots = [("p", "ann", "b > a"), ("p", "bob", "a"), ("q", "ann", "x = y")]
    >>> laid = sequence(Rankings.from_ballots(ballots))
    >>> laid.ranks, laid.cells
    (array([2, 1, 1, 0, 1, 1], dtype=int16), array([0, 4]))
    """
    if order not in get_args(Order):
        raise ValueError(f"order is {order!r}; choose from {', '.join(get_args(Order))}")
    sizes, counts = np.diff(rankings.response_starts), np.diff(rankings.ballot_starts)
    cells = np.concatenate([[0], np.cumsum(sizes * counts)])
    ranks = np.zeros(int(cells[-1]), dtype=np.int16)
    _fill(
        sizes, rankings.ballot_starts, rankings.entry_starts, rankings.entry_responses,
        rankings.entry_ranks, rankings.unranked == "last", ranks,
    )  # fmt: skip
    prompts = np.arange(rankings.n_prompts)
    if order == "shuffled":
        np.random.default_rng(seed).shuffle(prompts)
    return Sequence(
        prompts=prompts,
        sizes=sizes,
        ballots=rankings.ballot_starts,
        cells=cells[:-1],
        ranks=ranks,
        weights=rankings.ballot_weights,
        annotators=rankings.ballot_annotators,
        n_annotators=len(rankings.annotator_ids),
        responses=rankings.response_starts,
    )


@njit(cache=True, nogil=True)
def _fill(
    sizes: np.ndarray, ballots: np.ndarray, entry_starts: np.ndarray, responses: np.ndarray,
    places: np.ndarray, unranked_last: bool, ranks: np.ndarray,
) -> None:  # fmt: skip
    """Write each ballot's places to its cells; compiled, for it needs no memory of its own."""
    cell = 0
    for p in range(len(sizes)):
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
