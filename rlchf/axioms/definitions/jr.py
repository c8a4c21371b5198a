"""Justified representation of every first k responses.

H. Aziz, M. Brill, V. Conitzer, E. Elkind, R. Freeman, T. Walsh, "Justified representation in approval-based
committee voting", 2017: if ballots with one k-th of all weight approve the same response, one of them
approves one of the first k. Sizes k at which responses are tied are passed over. Ballots without stated
approvals approve their better half.
"""

import numpy as np

from rlchf.axioms.cases import Case, Check, Judgement
from rlchf.axioms.definitions._committees import Committee, judged


def broken(committee: Committee) -> np.ndarray:
    """(B,) bool: whether one k-th approves the same response, and nobody of them an elected one."""
    without = committee.won == 0
    groups = [without & committee.agreed((i,)) for i in range(committee.elected.shape[1])]
    return np.asarray(np.any([committee.deserves(group, 1) for group in groups], axis=0))


def judge(case: Case) -> Judgement:
    """Judge every first k."""
    return judged(case, broken, most=10**6)


CHECK = Check("JR", judge, approvals=True)
