"""Majority winner: who is alone in first place on more than half of all complete ballots is the sole winner.

M. Balinski, R. Laraki, "Majority judgment", 2010; D. R. Woodall, "Properties of preferential election rules",
1994. On ballots with gaps there is no majority winner here.
"""

import numpy as np

from rlchf.axioms.cases import Case, Check, Judgement, winners
from rlchf.axioms.elections import Elections


def majority_winner(e: Elections) -> np.ndarray:
    """(B, M) bool: who is ranked alone in first place by more than half of the weight."""
    first = e.ranks == 1
    alone = first & (first.sum(axis=2, keepdims=True) == 1)
    return np.asarray((alone * e.tenths[..., None]).sum(axis=1) * 2 > e.totals[:, None])


def judge(case: Case) -> Judgement:
    """Whether there is a majority winner that is not the sole winner."""
    (e,), (places,) = case.elections, case.places
    winner = majority_winner(e)
    held = winner.any(axis=1) & e.complete
    return Judgement(held, held & (winners(places) != winner).any(axis=1))


CHECK = Check("majority", judge)
