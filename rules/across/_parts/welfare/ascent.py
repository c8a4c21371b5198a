"""The search for the orders of all prompts with the largest welfare, one prompt after the other."""

import warnings
from dataclasses import dataclass
from math import factorial
from typing import Literal

import numpy as np

from rlchf.rankings import Rankings
from rlchf.rules.across._parts.pages import page_with
from rlchf.rules.across._parts.perpetual.weighting import Unit
from rlchf.rules.across._parts.welfare.pairs import sweep_pairs
from rlchf.rules.across._parts.welfare.stakes import Stakes, find_stakes
from rlchf.rules.across._parts.welfare.steps import is_better, welfare_of
from rlchf.rules.across._parts.welfare.sweep import Position, sweep

FEW_PROMPTS, FEW_ORDERS = 200, 1000
"""In datasets smaller than this, the orders of every two prompts are also chosen together."""

welfare_page = page_with(
    """
    The search is coordinate ascent: it goes through the prompts again and again and gives each the best
    order while the others stay, until no order changes. Up to 6 responses all orders are tried; beyond,
    the moves of one response. In small datasets, of fewer than 200 prompts with at most 1,000 orders in
    all, the orders of every two prompts are also chosen together. Orders whose welfare differs by less than
    1e-9 of the weight count as equally good; of these, the one that agrees more with the ballots is chosen,
    then the first by the order of the responses. Every change raises the largest welfare so far, or keeps it
    and raises the agreement, so the search ends; after 100 sweeps it ends with a warning.

    Parameters
    ----------
    unit
        Unit of satisfaction: the share of a prompt's contested pairs that are ordered as in the ballot,
        weighed by their smaller side as in the perpetual rules ("graded_pair") or equally
        ("contested_pair"), or of all pairs ("pair"); how high the ballot ranks the first response
        ("winner"), or whether the ballot approves it ("approval").
    starts
        Number of ascents: the first through the prompts in the order of the input, then in shuffled orders.
    seed
        Random seed of the shuffled orders.

    Returns
    -------
    Aggregation, with scores M - 1 (first) to 0 (last): strict orders.
    """
)
"""Adds to a rule's docstring what the rules that maximise a welfare share."""


@dataclass(frozen=True, eq=False)
class Ascent:
    """The result of an ascent, and its course.

    Attributes
    ----------
    orders
        (R,) int64, the responses of each prompt from first to last, prompt after prompt.
    satisfaction
        (A,) of each annotator.
    objective
        (sweeps, 2): after each, the weight of the annotators with positive satisfaction (0 for PAV)
        and the weighted sum of their welfare. The first never falls, the second only if the first rises.
    """

    orders: np.ndarray
    satisfaction: np.ndarray
    objective: np.ndarray


def ascend(
    rankings: Rankings,
    welfare: Literal["nash", "pav"],
    unit: Unit = "graded_pair",
    starts: int = 4,
    sweeps: int = 100,
    seed: int = 0,
) -> Ascent:
    """Choose the order of each prompt to maximise a welfare of the annotators, by coordinate ascent.

    The first sweep decides the prompts one after the other, each given those before it. Every further
    sweep chooses each order again given all others, and changes it only for a better one, until a sweep
    changes nothing. The first start goes through the prompts in the order of the input, the others in
    shuffled order; the best result is returned.

    Examples
    --------
    >>> ballots = [(p, i, "a > b" if i < 3 else "b > a") for p in range(5) for i in range(5)]
    >>> ascend(Rankings.from_ballots(ballots), "nash").satisfaction
    array([3., 3., 3., 2., 2.])
    """
    stakes = find_stakes(rankings, unit)
    rng = np.random.default_rng(seed)
    best: Ascent | None = None
    for start in range(max(starts, 1)):
        prompts = np.arange(rankings.n_prompts)
        if start:
            rng.shuffle(prompts)
        ascent = _climb(stakes, prompts, welfare == "nash", max(sweeps, 1))
        if best is None or _is_ahead(ascent, best, stakes.weights.sum()):
            best = ascent
    assert best is not None
    return best


def scores_of(orders: np.ndarray, rankings: Rankings) -> np.ndarray:
    """(R,) scores M - 1 (first) to 0 (last) from the orders of all prompts."""
    sizes = np.diff(rankings.response_starts)
    starts = np.repeat(rankings.response_starts[:-1], sizes)
    scores = np.empty(len(orders))
    scores[starts + orders] = np.repeat(sizes, sizes) - 1 - (np.arange(len(orders)) - starts)
    return scores


def _climb(stakes: Stakes, prompts: np.ndarray, nash: bool, sweeps: int) -> Ascent:
    """One start: the sequential sweep, then sweeps until nothing changes."""
    R, zeros = int(stakes.block.response_starts[-1]), np.zeros(len(stakes.weights))
    position = Position(np.zeros(R, dtype=np.int64), zeros.copy(), np.zeros(1))
    objective = []
    for count in range(sweeps):
        changed = sweep(prompts, stakes, nash, count == 0, position)
        if not changed and _has_few_orders(stakes):
            changed += sweep_pairs(prompts, stakes, nash, position)
        objective.append(welfare_of(position.satisfaction, zeros, stakes.weights, nash))
        if not changed:
            break
    else:
        warnings.warn(
            f"the search still improved after {sweeps} sweeps through the {len(prompts)} prompts, where it "
            "ends; its result may be below the best that it could find",
            stacklevel=2,
        )
    return Ascent(position.orders, position.satisfaction, np.array(objective))


def _is_ahead(ascent: Ascent, best: Ascent, weight: float) -> bool:
    new, old = (*ascent.objective[-1], 0.0), (*best.objective[-1], 0.0)
    return bool(is_better(new, old, weight, weight))


def _has_few_orders(stakes: Stakes) -> bool:
    """Whether the dataset is small enough to choose the orders of every two prompts together."""
    sizes = stakes.block.sizes
    orders = sum(factorial(min(int(size), 12)) for size in sizes[:FEW_PROMPTS])
    return len(sizes) < FEW_PROMPTS and orders <= FEW_ORDERS
