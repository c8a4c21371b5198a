"""Proportional justified representation of every first k responses.

L. Sánchez-Fernández et al., "Proportional justified representation", 2017: if ballots with l k-ths of all
weight approve the same l responses, l of the first k are approved by some of them. Sizes k at which responses
are tied are passed over. Ballots without stated approvals approve their better half.
"""

import numpy as np

from rlchf.axioms.cases import Case, Check, Judgement
from rlchf.axioms.definitions._committees import Committee, judged, sets


def broken(committee: Committee) -> np.ndarray:
    """(B,) bool: whether a group's elected responses are among l - 1, and it deserves l."""
    M = committee.elected.shape[1]
    wrong = np.zeros(len(committee.elected), bool)
    got = committee.approved & committee.elected[:, None]  # (B, K, M)
    for size in range(1, committee.seats + 1):
        agreeing = [committee.agreed(some) for some in sets(M, size)]
        for few in sets(M, size - 1):
            others = np.setdiff1d(np.arange(M), few)
            confined = ~got[:, :, others].any(axis=2)
            for agreed in agreeing:
                wrong |= committee.deserves(agreed & confined, size)
    return wrong


def judge(case: Case) -> Judgement:
    """Judge every first k."""
    return judged(case, broken)


CHECK = Check("PJR", judge, approvals=True)
