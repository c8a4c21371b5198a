"""Unanimity: if all ballots are the same strict ranking of all responses, that ranking is the result."""

from dataclasses import replace

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Judgement, Places
from rlchf.axioms.elections import Elections


def draw(e: Elections, places: Places, rng: np.random.Generator) -> Change:
    """All ballots of every second election become the same strict ranking."""
    B, K, M = e.values.shape
    order = rng.random((B, M)).argsort(axis=1)
    same = 3 * order[:, None] + rng.integers(1, 4, (B, K, M))
    changed = (np.arange(B) % 2 == 0) & e.counts.any(axis=1)
    return Change((replace(e, values=np.where(changed[:, None, None], same, e.values)),))


def judge(case: Case) -> Judgement:
    """Whether all ballots are the same strict ranking, and the places are not its."""
    (e,), (places,) = case.elections, case.places
    first = np.asarray(e.counts).argmax(axis=1)
    ballot = e.ranks[np.arange(len(e)), first]  # (B, M)
    same = ((e.ranks == ballot[:, None]).all(axis=2) | ~e.counts).all(axis=1)
    held = same & e.untied & e.complete & e.counts.any(axis=1)
    return Judgement(held, held & (places != ballot - 1).any(axis=1))


CHECK = Check("unanimity", judge, draw=draw)
