"""Welfare over a whole dataset: who has what at stake where, and the ascent prompt by prompt."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import factorial
from typing import Literal

import numpy as np
from numba import njit

from rlchf.rankings import Rankings
from rlchf.rules.across._parts.layout import Sequence, sequence
from rlchf.rules.across._parts.perpetual.loop import decided_pairs
from rlchf.rules.across._parts.perpetual.weighting import Unit, unit_code
from rlchf.rules.across._parts.welfare import steps as steps
from rlchf.rules.across._parts.welfare.pairs import sweep_pairs
from rlchf.rules.across._parts.welfare.sweep import sweep

BLOCK = 10_000
FEW, MOST_ORDERS = 200, 1000


@dataclass(frozen=True, eq=False)
class Electorate:
    """A dataset, and what each annotator has at stake on each prompt.

    Attributes
    ----------
    laid
        The ballots.
    unit
        The code of the unit in which satisfaction counts.
    slots
        (N,) int64: which of the prompt's annotators cast the ballot.
    voters, members
        (P + 1,) and (S,) int64: the annotators of prompt p are ``members[voters[p]:voters[p + 1]]``.
    weights
        (A,) an annotator's weight: that of all ballots on a prompt, on average over the prompts on
        which something is at stake; 0 for those with no such prompt.
    shares
        (N,) a ballot's weight by its annotator's: 1 if they always cast one ballot, equally weighted.
    """

    laid: Sequence
    unit: int
    slots: np.ndarray
    voters: np.ndarray
    members: np.ndarray
    weights: np.ndarray
    shares: np.ndarray


@dataclass(frozen=True, eq=False)
class Ascent:
    """Where an ascent ended, and how it went.

    Attributes
    ----------
    orders
        (R,) int64, the responses of each prompt from first to last, prompt after prompt.
    satisfaction
        (A,) of each annotator.
    objective
        (sweeps, 2): after each, the weight of the annotators with positive satisfaction (0 for PAV)
        and the weighted sum of their welfare. The first falls never, the second only if the first rises.
    """

    orders: np.ndarray
    satisfaction: np.ndarray
    objective: np.ndarray


def electorate(rankings: Rankings, unit: Unit) -> Electorate:
    """Lay out a dataset and find everybody's weight."""
    code, laid = unit_code(unit), sequence(rankings)
    A, counts = laid.n_annotators, np.diff(laid.ballots)
    prompt = np.repeat(np.arange(len(counts)), counts)
    keys, inverse = np.unique(prompt * A + laid.annotators, return_inverse=True)
    voters = np.searchsorted(keys, np.arange(len(counts) + 1) * A)
    at_stake = np.zeros(len(counts), dtype=bool)
    for block in blocks(np.arange(len(counts))):
        find_stakes(block, *columns(laid), laid.weights, code, at_stake)
    counted = np.where(at_stake[prompt], laid.weights, 0.0)  # (N,)
    together = np.bincount(inverse, counted, len(keys))  # (S,)
    prompts = np.bincount(keys % A, together > 0, A)
    weights = np.bincount(keys % A, together, A) / np.maximum(prompts, 1)
    mine = weights[laid.annotators]
    shares = np.divide(counted, mine, out=np.zeros(len(counted)), where=mine > 0)
    slots = inverse - voters[prompt]
    return Electorate(laid, code, slots, voters, keys % A, weights, shares)


def ascend(
    rankings: Rankings,
    welfare: Literal["nash", "pav"],
    unit: Unit = "contested_pair",
    starts: int = 4,
    sweeps: int = 100,
    seed: int = 0,
) -> Ascent:
    """Choose the order of each prompt so that a welfare of the annotators is as large as can be found.

    The first sweep decides the prompts one after the other, each with only those before it in view.
    Every further sweep chooses each order again given all others, and changes it only for a better one,
    until a sweep changes nothing. The first start goes through the prompts as they come, the others in
    shuffled order; the best result is kept.

    Examples
    --------
    >>> ballots = [(p, i, "a > b" if i < 3 else "b > a") for p in range(5) for i in range(5)]
    >>> ascend(Rankings.from_ballots(ballots), "nash").satisfaction
    array([3., 3., 3., 2., 2.])
    """
    people = electorate(rankings, unit)
    rng = np.random.default_rng(seed)
    best: Ascent | None = None
    for start in range(max(starts, 1)):
        prompts = np.arange(rankings.n_prompts)
        if start:
            rng.shuffle(prompts)
        found = _climb(people, prompts, welfare == "nash", max(sweeps, 1))
        if best is None or _ahead(found, best, people.weights.sum()):
            best = found
    assert best is not None
    return best


def scores_of(orders: np.ndarray, rankings: Rankings) -> np.ndarray:
    """(R,) scores M - 1 (first) to 0 (last) from the orders of all prompts."""
    sizes = np.diff(rankings.response_starts)
    begin = np.repeat(rankings.response_starts[:-1], sizes)
    scores = np.empty(len(orders))
    scores[begin + orders] = np.repeat(sizes, sizes) - 1 - (np.arange(len(orders)) - begin)
    return scores


def blocks(prompts: np.ndarray) -> Iterator[np.ndarray]:
    """Parts of the prompts, small enough that one can stop between them."""
    for begin in range(0, len(prompts), BLOCK):
        yield prompts[begin : begin + BLOCK]


def _climb(people: Electorate, prompts: np.ndarray, nash: bool, sweeps: int) -> Ascent:
    """One start: the sequential sweep, then sweeps until nothing changes."""
    laid = people.laid
    orders = np.zeros(int(laid.responses[-1]), dtype=np.int64)
    satisfaction = np.zeros(laid.n_annotators)
    pairs = _few_pairs(laid)
    objective = []
    for count in range(sweeps):
        given = (
            *columns(laid), laid.weights, people.shares, people.slots, people.voters,
            people.members, people.weights, people.unit, nash,
        )  # fmt: skip
        changed = sum(
            sweep(block, *given, count == 0, orders, satisfaction) for block in blocks(prompts)
        )
        if pairs and not changed:
            changed += sweep_pairs(prompts, *given, orders, satisfaction)
        zero = np.zeros_like(satisfaction)
        objective.append(steps.welfare_of(satisfaction, zero, people.weights, nash))
        if not changed:
            break
    return Ascent(orders, satisfaction, np.array(objective))


def _ahead(one: Ascent, other: Ascent, scale: float) -> bool:
    new, old = (*one.objective[-1], 0.0), (*other.objective[-1], 0.0)
    return bool(steps.better(new, old, scale, scale))


def _few_pairs(laid: Sequence) -> bool:
    """Whether the dataset is so small that every two prompts can be looked at together."""
    orders = sum(factorial(min(int(size), 12)) for size in laid.sizes[:FEW])
    return len(laid.sizes) < FEW and orders <= MOST_ORDERS


def columns(laid: Sequence) -> tuple[np.ndarray, ...]:
    cells, ranks = laid.whole
    return laid.ballots, cells, laid.responses, ranks


@njit(cache=True, nogil=True)
def find_stakes(
    prompts: np.ndarray, ballots: np.ndarray, cells: np.ndarray, responses: np.ndarray,
    ranks: np.ndarray, weights: np.ndarray, unit: int, at_stake: np.ndarray,
) -> None:  # fmt: skip
    """Mark the prompts on which an order can give an annotator something."""
    for p in prompts:
        V, M = ballots[p + 1] - ballots[p], responses[p + 1] - responses[p]
        mine = ranks[cells[p] : cells[p] + V * M].reshape(V, M)
        decided = np.zeros((M, M), dtype=np.bool_)
        say = weights[ballots[p] : ballots[p + 1]]
        at_stake[p] = decided_pairs(unit, mine, say, decided) > 0
