"""Majority loser: who is alone in last place on more than half of all ballots is not the sole winner.

D. S. Felsenthal, H. Nurmi, "Voting procedures for electing a single candidate", 2018.
"""

import numpy as np

from rlchf.axioms.cases import Case, Check, Judgement, winners


def judge(case: Case) -> Judgement:
    """Whether there is a majority loser that is the sole winner."""
    (e,), (places,) = case.elections, case.places
    last = e.ranks == e.ranks.max(axis=2, keepdims=True)
    alone = last & (last.sum(axis=2, keepdims=True) == 1)
    loser = (alone * e.tenths[..., None]).sum(axis=1) * 2 > e.totals[:, None]
    held = loser.any(axis=1) & e.complete & np.bool_(e.n_responses > 1)
    return Judgement(held, held & (winners(places) == loser).all(axis=1))


CHECK = Check("majority loser", judge)
