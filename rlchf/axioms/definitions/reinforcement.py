"""Reinforcement: if two electorates have the same result, both together have it too.

The result is the ranking with its ties. H. P. Young, A. Levenglick, "A consistent extension of Condorcet's
election principle", 1978. The form for winners is called consistency here.
"""

from dataclasses import replace

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Choices, Judgement, Places
from rlchf.axioms.elections import Elections

TITLES = ("first electorate", "second electorate", "both together")


def change(e: Elections, places: Places, choices: Choices) -> Change:
    """The ballots are divided into two electorates."""
    first = choices.below(2, e.n_ballots) == 1
    one, two = (replace(e, weights=np.where(part, e.weights, 0.0)) for part in (first, ~first))
    return Change((one, two, e))


def joined(e: Elections, first: np.ndarray, second: np.ndarray) -> Change:
    """Two elections each become two electorates of one."""
    one, two = e.only(first), e.only(second)
    none = np.zeros_like(one.weights)
    values = np.concatenate([one.values, two.values], axis=1)
    parts = ((one.weights, none), (none, two.weights), (one.weights, two.weights))
    return Change(
        tuple(replace(e, values=values, weights=np.concatenate(part, axis=1)) for part in parts)
    )


def draw(e: Elections, places: Places, rng: np.random.Generator) -> Change:
    """Elections with the same result are joined."""
    B, M = places.shape
    if e.together > 1:  # datasets are joined as wholes
        return joined(e, np.arange(B), np.roll(np.arange(B), e.together))
    key = places @ (M ** np.arange(M))
    order = np.lexsort((rng.random(B), key))
    return joined(e, order[:-1], order[1:]) if B > 1 else joined(e, order, order)


def judge(case: Case) -> Judgement:
    """Whether both electorates have the same places, and both together have others."""
    one, two, both = case.places
    some = case.elections[0].counts.any(axis=1) & case.elections[1].counts.any(axis=1)
    held = some & (one == two).all(axis=1)
    return Judgement(held, held & (both != one).any(axis=1))


CHECK = Check("reinforcement", judge, change, draw, titles=TITLES)
