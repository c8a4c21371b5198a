"""Consistency: if two electorates have winners in common, these are the winners of both together.

H. P. Young, "Social choice scoring functions", 1975. It is reinforcement for winners.
"""

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Judgement, Places, winners
from rlchf.axioms.definitions.reinforcement import TITLES, change, joined
from rlchf.axioms.elections import Elections


def draw(e: Elections, places: Places, rng: np.random.Generator) -> Change:
    """Pairs of elections are joined."""
    return joined(e, np.arange(len(e)), np.roll(np.arange(len(e)), e.together))


def judge(case: Case) -> Judgement:
    """Whether both electorates have winners in common, and both together have others."""
    one, two, both = (winners(places) for places in case.places)
    some = case.elections[0].counts.any(axis=1) & case.elections[1].counts.any(axis=1)
    held = some & (one & two).any(axis=1)
    return Judgement(held, held & (both != (one & two)).any(axis=1))


CHECK = Check("consistency", judge, change, draw, titles=TITLES)
