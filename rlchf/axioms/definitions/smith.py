"""Smith: all winners are in the smallest set of responses that each beat all responses outside it.

J. H. Smith, "Aggregation of preferences with variable electorate", 1973.
"""

import numpy as np

from rlchf.axioms.cases import Case, Check, Judgement, winners
from rlchf.axioms.elections import Elections


def smith_set(e: Elections) -> np.ndarray:
    """(B, M) bool: who is in the Smith set: who reaches all others by responses that do not lose."""
    reach: np.ndarray = np.asarray(e.margins >= 0)
    for k in range(e.n_responses):
        reach |= reach[:, :, [k]] & reach[:, [k], :]
    return np.asarray(reach.all(axis=2))


def judge(case: Case) -> Judgement:
    """Whether the Smith set does not hold all responses, and a winner is outside it."""
    (e,), (places,) = case.elections, case.places
    inside = smith_set(e)
    held = np.asarray(~inside.all(axis=1))
    return Judgement(held, held & (winners(places) & ~inside).any(axis=1))


CHECK = Check("smith", judge)
