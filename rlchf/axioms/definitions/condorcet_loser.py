"""Condorcet loser: a response that loses to every other by majority is not the sole winner.

P. C. Fishburn, "Condorcet social choice functions", 1977.
"""

import numpy as np

from rlchf.axioms.cases import Case, Check, Judgement, winners


def judge(case: Case) -> Judgement:
    """Whether there is a Condorcet loser that is the sole winner."""
    (e,), (places,) = case.elections, case.places
    loser = (e.margins < 0).sum(axis=2) == e.n_responses - 1
    held = loser.any(axis=1) & np.bool_(e.n_responses > 1)
    return Judgement(held, held & (winners(places) == loser).all(axis=1))


CHECK = Check("condorcet loser", judge)
