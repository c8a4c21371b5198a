"""A whole dataset as flat arrays, prompt after prompt, for compiled loops across prompts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numba import njit

from rlchf.aggregation import Aggregation
from rlchf.profiles import UNSTATED, Profiles
from rlchf.rankings import Rankings
from rlchf.rules.across._parts.frozen import frozen_orders

Order = Literal["input", "shuffled"]
"""Whether a rule goes through the prompts in the order of the input or in a shuffled one."""

BLOCK, BLOCK_WORK = 10_000, 1e9
"""The number of prompts, and their work (V M^3, at least), that a compiled loop decides before Python can
stop it."""


class Block(NamedTuple):
    """Some prompts and their ballots, for compiled loops.

    Attributes
    ----------
    prompts
        (B,) int64, numbers of prompts.
    sizes
        (P,) int64, M of each prompt of the dataset.
    ballot_starts, response_starts
        (P + 1,) int64, where each prompt's ballots and responses begin.
    cells
        (B,) int64, where the ranks of the t-th of ``prompts`` begin.
    ranks
        int16, V x M ranks of each of ``prompts``, ballot after ballot: 1 is best, equal is tied, 0 is a
        response that the ballot does not rank.
    judged
        int16, what approvals are read off: the ranks, or 1 for what a ballot approves and 0 for all else
        where it states approvals.
    weights, annotators
        (N,) float64 and int64, of each ballot of the dataset.
    frozen
        (R,) int64, the orders of the prompts that are decided already, as `frozen_orders` gives them; (0,) if
        there are none.
    """

    prompts: np.ndarray
    sizes: np.ndarray
    ballot_starts: np.ndarray
    response_starts: np.ndarray
    cells: np.ndarray
    ranks: np.ndarray
    judged: np.ndarray
    weights: np.ndarray
    annotators: np.ndarray
    frozen: np.ndarray


class Ballots(NamedTuple):
    """The ballots of one prompt: (V, M) ranks and what approvals are read off, (V,) weights, annotators."""

    ranks: np.ndarray
    judged: np.ndarray
    weights: np.ndarray
    annotators: np.ndarray


class _Entries(NamedTuple):
    """The ranked responses of each ballot of the dataset, as `Rankings` stores them."""

    starts: np.ndarray
    responses: np.ndarray
    ranks: np.ndarray


@dataclass(frozen=True, eq=False)
class Layout:
    """A dataset laid out for loops over prompts.

    Attributes
    ----------
    rankings
        The dataset.
    prompts
        (P,) int64, the prompts in the order in which they are decided.
    sizes
        (P,) int64, M of each prompt.
    frozen
        (R,) or (0,) int64, as in `Block`.
    """

    rankings: Rankings
    prompts: np.ndarray
    sizes: np.ndarray
    frozen: np.ndarray

    @property
    def n_annotators(self) -> int:
        """The number of annotators in the dataset."""
        return len(self.rankings.annotator_ids)

    def account(self, start: float = 0.0) -> np.ndarray:
        """(A,) what each annotator carries from prompt to prompt, ``start`` before the first.

        Where the rankings are a part of a dataset it goes on from the part before.
        """
        part = self.rankings.part
        if part is None:
            return np.full(self.n_annotators, float(start))
        return part.carried(self.n_annotators, start)

    def frozen_order(self, p: int) -> np.ndarray | None:
        """(M,) the order of prompt p if it is decided already."""
        if len(self.frozen) == 0:
            return None
        order = self.frozen[self.rankings.response_starts[p] : self.rankings.response_starts[p + 1]]
        return order if order[0] >= 0 else None

    @cached_property
    def whole(self) -> Block:
        """The block of all prompts, in the order of the rankings."""
        return self.block(np.arange(len(self.prompts)))

    def block(self, prompts: np.ndarray) -> Block:
        """Lay out the ranks of these prompts.

        Rules that read each prompt once take `BLOCK` prompts at a time: the ranks then stay in the
        processor's cache, and the dataset needs no second copy.
        """
        rankings = self.rankings
        counts = np.diff(rankings.ballot_starts)[prompts]
        cells = np.concatenate([[0], np.cumsum(self.sizes[prompts] * counts)])
        ranks = np.zeros(int(cells[-1]), dtype=np.int16)
        block = Block(
            prompts, self.sizes, rankings.ballot_starts, rankings.response_starts,
            cells[:-1], ranks, ranks, rankings.ballot_weights, rankings.ballot_annotators, self.frozen,
        )  # fmt: skip
        entries = _Entries(rankings.entry_starts, rankings.entry_responses, rankings.entry_ranks)
        _fill_ranks(block, entries, rankings.unranked == "last")
        if rankings.entry_approvals is not None:
            block = block._replace(judged=ranks.copy())
            _fill_judged(block, entries, rankings.entry_approvals)
        return block

    def blocks(self) -> Iterator[Block]:
        """One block after the other, in the order in which prompts are decided."""
        ballots = np.diff(self.rankings.ballot_starts)[self.prompts].astype(float)
        work = np.cumsum(np.maximum(ballots * self.sizes[self.prompts] ** 3, BLOCK_WORK / BLOCK))
        cuts = np.flatnonzero(np.diff(work // BLOCK_WORK)) + 1
        for start, end in zip([0, *cuts], [*cuts, len(work)], strict=True):
            yield self.block(self.prompts[start:end])


def lay_out(
    rankings: Rankings,
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Layout:
    """Lay a dataset out; prompts that are frozen come first, in the order of the input.

    Examples
    --------
    >>> ballots = [("p", "ann", "b > a"), ("p", "bob", "a"), ("q", "ann", "x = y")]
    >>> block = lay_out(Rankings.from_ballots(ballots)).whole
    >>> block.cells, block.ranks
    (array([0, 4]), array([2, 1, 1, 0, 1, 1], dtype=int16))
    """
    prompts = np.arange(rankings.n_prompts)
    if order == "shuffled":
        np.random.default_rng(seed).shuffle(prompts)
    decided = frozen_orders(rankings, frozen)
    if len(decided):
        is_new = decided[rankings.response_starts[:-1]] < 0
        prompts = np.concatenate([np.flatnonzero(~is_new), prompts[is_new[prompts]]])
    return Layout(rankings, prompts, np.diff(rankings.response_starts), decided)


@njit(cache=True, nogil=True)
def _fill_ranks(block: Block, entries: _Entries, unranked_last: bool) -> None:
    """Write each ballot's ranks to its cells; compiled, so that no other array is needed."""
    cell = 0
    for p in block.prompts:
        for ballot in range(block.ballot_starts[p], block.ballot_starts[p + 1]):
            last = 1
            for entry in range(entries.starts[ballot], entries.starts[ballot + 1]):
                rank = entries.ranks[entry]
                block.ranks[cell + entries.responses[entry]] = rank
                last = max(last, rank + 1)
            if unranked_last:
                for i in range(block.sizes[p]):
                    if block.ranks[cell + i] == 0:
                        block.ranks[cell + i] = last
            cell += block.sizes[p]


@njit(cache=True, nogil=True)
def _fill_judged(block: Block, entries: _Entries, approvals: np.ndarray) -> None:
    """Write 1 for what a ballot that states approvals approves, and 0 for all else."""
    cell = 0
    for p in block.prompts:
        for ballot in range(block.ballot_starts[p], block.ballot_starts[p + 1]):
            first, end = entries.starts[ballot], entries.starts[ballot + 1]
            if approvals[first] != UNSTATED:
                block.judged[cell : cell + block.sizes[p]] = 0
                for entry in range(first, end):
                    block.judged[cell + entries.responses[entry]] = approvals[entry] == 1
            cell += block.sizes[p]


@njit(cache=True, nogil=True)
def ballots_of(block: Block, t: int) -> Ballots:
    """The ballots of the block's t-th prompt."""
    p = block.prompts[t]
    start, end = block.ballot_starts[p], block.ballot_starts[p + 1]
    V, M = end - start, block.sizes[p]
    cells = slice(block.cells[t], block.cells[t] + V * M)
    ranks, judged = block.ranks[cells].reshape((V, M)), block.judged[cells].reshape((V, M))
    return Ballots(ranks, judged, block.weights[start:end], block.annotators[start:end])


def batch_ballots(batch: Profiles) -> Ballots:
    """The ballots of a batch of one prompt."""
    ranks = batch.ranks.T.copy()
    judged = ranks
    if batch.approvals is not None:
        approvals = batch.approvals.T
        judged = np.where(approvals == UNSTATED, ranks, approvals == 1).astype(np.int16)
    return Ballots(ranks, judged, batch.weights, batch.annotators)


@njit(cache=True, nogil=True)
def take_frozen(block: Block, t: int, order: np.ndarray) -> bool:
    """Fill ``order`` (M,) with that of the block's t-th prompt if it is decided already."""
    if len(block.frozen) == 0:
        return False
    start = block.response_starts[block.prompts[t]]
    if block.frozen[start] < 0:
        return False
    for rank in range(len(order)):
        order[rank] = block.frozen[start + rank]
    return True


@njit(cache=True, nogil=True)
def write_order(block: Block, t: int, order: np.ndarray, scores: np.ndarray) -> None:
    """Write M - 1 (first) to 0 (last) into ``scores`` (R,) for the block's t-th prompt."""
    start, M = block.response_starts[block.prompts[t]], len(order)
    for rank in range(M):
        scores[start + order[rank]] = M - 1 - rank


def as_aggregation(
    rankings: Rankings, scores: np.ndarray, rule: str, **options: object
) -> Aggregation:
    """The outcome of a rule across prompts, from the (R,) scores of all responses."""
    return Aggregation.from_scores(rankings, scores, rule, dict(options))
