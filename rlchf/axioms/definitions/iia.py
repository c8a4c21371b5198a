"""Independence of irrelevant alternatives: the order of two responses does not depend on the others.

K. J. Arrow, "Social choice and individual values", 1951. Here a response withdraws from all ballots, and the
order of the others must stay, ties included; what ballots give besides their ranking, scores and approvals,
stays too.
"""

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Choices, Judgement, Places
from rlchf.axioms.elections import Elections

TITLES = ("ballots", "{response} withdraws")


def change(e: Elections, places: Places, choices: Choices) -> Change:
    """A response withdraws."""
    response = choices.below(e.n_responses)
    if e.n_responses < 3:
        return Change((e, e), {"response": response})
    return Change((e, e.without(response)), {"response": response})


def order_changed(case: Case) -> np.ndarray:
    """(B,) bool: whether the responses that remain are ordered differently without the other."""
    before, after = case.places
    B, M = before.shape
    if after.shape[1] == M:
        return np.zeros(B, bool)
    kept = np.nonzero(np.arange(M) != case.about["response"][:, None])[1].reshape(B, M - 1)
    rest = np.take_along_axis(before, kept, axis=1)
    signs = [np.sign(places[:, :, None] - places[:, None]) for places in (rest, after)]
    return np.asarray((signs[0] != signs[1]).any(axis=(1, 2)))


def judge(case: Case) -> Judgement:
    """Whether the order of the others changes."""
    some = case.elections[1].counts.any(axis=1)
    held = np.asarray(some & (case.elections[0].n_responses > 2))
    return Judgement(held, held & order_changed(case))


CHECK = Check("IIA", judge, change, titles=TITLES)
