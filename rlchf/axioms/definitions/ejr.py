"""Extended justified representation of every first k responses.

H. Aziz, M. Brill, V. Conitzer, E. Elkind, R. Freeman, T. Walsh, "Justified representation in approval-based
committee voting", 2017: if ballots with l k-ths of all weight approve the same l responses, one of them
approves l of the first k. Sizes k at which responses are tied are passed over. Ballots without stated
approvals approve their better half.
"""

import numpy as np

from rlchf.axioms.cases import Case, Check, Judgement
from rlchf.axioms.definitions._committees import Committee, judged, sets


def broken(committee: Committee) -> np.ndarray:
    """(B,) bool: whether a group that deserves l seats has no ballot with l."""
    M = committee.elected.shape[1]
    wrong = np.zeros(len(committee.elected), bool)
    for size in range(1, committee.seats + 1):
        short = committee.won < size
        for some in sets(M, size):
            wrong |= committee.deserves(committee.agreed(some) & short, size)
    return wrong


def judge(case: Case) -> Judgement:
    """Judge every first k."""
    return judged(case, broken)


CHECK = Check("EJR", judge, approvals=True)
