"""EJR+ of every first k responses.

M. Brill, J. Peters, "Robust and verifiable proportionality axioms for multiwinner voting", 2023: if ballots
with l k-ths of all weight approve the same response that is not among the first k, one of them approves l of
these. Sizes k at which responses are tied are passed over. Ballots without stated approvals approve their
better half.
"""

import numpy as np

from rlchf.axioms.cases import Case, Check, Judgement
from rlchf.axioms.definitions._committees import Committee, judged


def broken(committee: Committee) -> np.ndarray:
    """(B,) bool: whether the supporters of a response not elected lack what they deserve."""
    wrong = np.zeros(len(committee.elected), bool)
    for size in range(1, committee.seats + 1):
        short = committee.won < size
        for i in range(committee.elected.shape[1]):
            outside = ~committee.elected[:, i]
            wrong |= outside & committee.deserves(committee.agreed((i,)) & short, size)
    return wrong


def judge(case: Case) -> Judgement:
    """Judge every first k."""
    return judged(case, broken, most=10**6)


CHECK = Check("EJR+", judge, approvals=True)
