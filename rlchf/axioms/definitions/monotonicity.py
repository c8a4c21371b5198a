"""Monotonicity: a sole winner stays the sole winner when some ballots rank it higher.

J. H. Smith, "Aggregation of preferences with variable electorate", 1973; P. C. Fishburn, "Monotonicity
paradoxes in the theory of elections", 1982. Nothing else changes on the ballots; the winner may be raised
into a tie.
"""

from dataclasses import replace

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Choices, Judgement, Places, winners
from rlchf.axioms.elections import Elections


def change(e: Elections, places: Places, choices: Choices) -> Change:
    """The winner is raised on one ballot, to the level of another response or just above it."""
    K, M = e.n_ballots, e.n_responses
    one = choices.below(K)[:, None] == np.arange(K)
    target, above = choices.below(M), choices.below(2) == 1
    return raised(e, places, one, np.repeat(target[:, None], K, axis=1), above[:, None])


def draw(e: Elections, places: Places, rng: np.random.Generator) -> Change:
    """The winner is raised on some ballots, on each to a level of its own."""
    B, K, M = e.values.shape
    some = rng.random((B, K)) < rng.choice([0.3, 0.6])
    return raised(e, places, some, rng.integers(M, size=(B, K)), rng.random((B, K)) < 0.6)


def raised(
    e: Elections, places: Places, some: np.ndarray, target: np.ndarray, above: np.ndarray
) -> Change:
    """The first winner is raised on some ballots (B, K) to the level of a target (B, K), or above it."""
    winner = places.argmin(axis=1)
    old = np.take_along_axis(e.values, winner[:, None, None], axis=2)[..., 0]  # (B, K)
    level = np.take_along_axis(e.values, target[..., None], axis=2)[..., 0]
    lower = (e.values > 0) & (e.values < level[..., None])
    next_better = np.where(lower, e.values, 0.0).max(axis=2)
    new = np.where(above, (level + next_better) / 2, level)
    moved = some & (old > 0) & (level > 0) & (new < old)
    values = e.values.copy()
    values[np.arange(len(e)), :, winner] = np.where(moved, new, old)
    return Change((e, replace(e, values=values)), {"response": winner})


def judge(case: Case) -> Judgement:
    """Whether there is a sole winner that is raised, and is not the sole winner then."""
    before, after = (winners(places) for places in case.places)
    changed = (case.elections[0].ranks != case.elections[1].ranks) & case.elections[0].counts[
        ..., None
    ]
    raised_wins = before[np.arange(len(before)), case.about["response"]]
    held = (before.sum(axis=1) == 1) & raised_wins & changed.any(axis=(1, 2))
    return Judgement(held, held & (before != after).any(axis=1))


CHECK = Check(
    "monotonicity", judge, change, draw, titles=("ballots", "{response} is ranked higher")
)
