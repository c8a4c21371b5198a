"""The stakes of each annotator on each prompt of a dataset, for the rules that maximise a welfare."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import njit

from rlchf.rankings import Rankings
from rlchf.rules.across._parts.layout import Block, ballots_of, lay_out
from rlchf.rules.across._parts.orders import ALL, count_above, supporters
from rlchf.rules.across._parts.perpetual.satisfaction import counted_pairs, rows_of
from rlchf.rules.across._parts.perpetual.weighting import Unit, unit_code

PART = 10_000
"""The number of prompts that compiled code goes through before Python can stop it."""


class Stakes(NamedTuple):
    """A dataset, and the stakes of each annotator on each prompt.

    Attributes
    ----------
    block
        All prompts, in the order of the rankings.
    unit
        The code of the unit in which satisfaction counts.
    slots
        (N,) int64: the position of each ballot's annotator among those of its prompt.
    member_starts, members
        (P + 1,) and (S,) int64: the annotators of prompt p are those from ``member_starts[p]`` to
        ``member_starts[p + 1]`` in ``members``.
    weights
        (A,) an annotator's weight: that of all ballots on a prompt, on average over the prompts on
        which something is at stake; 0 for those with no such prompt.
    shares
        (N,) a ballot's weight by its annotator's: 1 if they always cast one ballot, equally weighted.
    """

    block: Block
    unit: int
    slots: np.ndarray
    member_starts: np.ndarray
    members: np.ndarray
    weights: np.ndarray
    shares: np.ndarray


class PromptStakes(NamedTuple):
    """One prompt, for the choice of its order while all other prompts stay as they are.

    Attributes
    ----------
    unit, nash
        The code of the unit; whether Nash welfare is maximised, otherwise PAV welfare.
    n
        What the pairs are divided by, the number of those that count; 0 if nothing is at stake.
    ranks, shares, slots
        (V, M), (V,), (V,) of the ballots; a ballot's share is its gain from one pair that counts 1.
    counted, unanimous
        (M, M) float64 and bool: how much each pair counts, and the pairs that every ballot of positive weight
        ranks i above j.
    above, total
        (M, M) the weight of the ballots that rank i above j, and its sum.
    members, weights, others
        (n,) the annotators present, their weights, and their satisfaction with the other prompts.
    weight
        The sum of the weights.
    """

    unit: int
    nash: bool
    n: float
    ranks: np.ndarray
    shares: np.ndarray
    slots: np.ndarray
    counted: np.ndarray
    unanimous: np.ndarray
    above: np.ndarray
    total: float
    members: np.ndarray
    weights: np.ndarray
    others: np.ndarray
    weight: float


def find_stakes(rankings: Rankings, unit: Unit) -> Stakes:
    """Lay out a dataset and compute the weight of each annotator."""
    code, layout = unit_code(unit), lay_out(rankings)
    block = layout.whole
    A, counts = layout.n_annotators, np.diff(block.ballot_starts)
    prompt = np.repeat(np.arange(len(counts)), counts)
    keys, inverse = np.unique(prompt * A + block.annotators, return_inverse=True)
    member_starts = np.searchsorted(keys, np.arange(len(counts) + 1) * A)
    at_stake = np.zeros(len(counts), dtype=bool)
    for prompts in parts(np.arange(len(counts))):
        mark_at_stake(prompts, block, code, at_stake)
    counted = np.where(at_stake[prompt], block.weights, 0.0)  # (N,)
    together = np.bincount(inverse, counted, len(keys))  # (S,)
    n_prompts = np.bincount(keys % A, together > 0, A)
    weights = np.bincount(keys % A, together, A) / np.maximum(n_prompts, 1)
    whole = weights[block.annotators]  # (N,) the weight of the ballot's annotator
    shares = np.divide(counted, whole, out=np.zeros(len(counted)), where=whole > 0)
    slots = inverse - member_starts[prompt]
    return Stakes(block, code, slots, member_starts, keys % A, weights, shares)


def parts(prompts: np.ndarray) -> Iterator[np.ndarray]:
    """Split the prompts into parts of at most `PART`."""
    for start in range(0, len(prompts), PART):
        yield prompts[start : start + PART]


@njit(cache=True, nogil=True)
def mark_at_stake(prompts: np.ndarray, block: Block, unit: int, at_stake: np.ndarray) -> None:
    """Mark the prompts on which an order can satisfy an annotator."""
    for p in prompts:
        at_stake[p] = counted_pairs(unit, ballots_of(block, p)).n > 0


@njit(cache=True, nogil=True)
def prompt_stakes(stakes: Stakes, p: int, nash: bool, satisfaction: np.ndarray) -> PromptStakes:
    """The stakes on prompt p, given the (A,) ``satisfaction`` with the prompts so far.

    If that includes prompt p itself, the caller subtracts its part from ``others``.
    """
    block = stakes.block
    ballots = ballots_of(block, p)
    counted = counted_pairs(stakes.unit, ballots)
    start, end = block.ballot_starts[p], block.ballot_starts[p + 1]
    shares = stakes.shares[start:end] / max(counted.n, 1.0)
    if counted.n == 0:
        shares[:] = 0.0
    above = count_above(ballots.ranks, ballots.weights)
    members = stakes.members[stakes.member_starts[p] : stakes.member_starts[p + 1]]
    weights = stakes.weights[members]
    return PromptStakes(
        stakes.unit,
        nash,
        counted.n,
        rows_of(stakes.unit, ballots),
        shares,
        stakes.slots[start:end],
        counted.pairs,
        supporters(ballots.ranks, ballots.weights) == ALL,
        above,
        above.sum(),
        members,
        weights,
        satisfaction[members],
        weights.sum(),
    )
