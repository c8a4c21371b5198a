"""Local independence of irrelevant alternatives: the others stay in order without the first or the last.

H. P. Young, "Condorcet's theory of voting", 1988: if the response that is ranked first, or the one that is
ranked last, withdraws, the order of the others stays, ties included. Here it is alone in its place.
"""

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Choices, Judgement, Places
from rlchf.axioms.definitions.iia import TITLES, order_changed
from rlchf.axioms.elections import Elections


def change(e: Elections, places: Places, choices: Choices) -> Change:
    """The first or the last response withdraws."""
    last = choices.below(2) == 1
    response = np.where(last, places.argmax(axis=1), places.argmin(axis=1))
    if e.n_responses < 3:
        return Change((e, e), {"response": response})
    return Change((e, e.without(response)), {"response": response})


def judge(case: Case) -> Judgement:
    """Whether the order of the others changes."""
    before, rows = case.places[0], np.arange(len(case.places[0]))
    place = before[rows, case.about["response"]][:, None]
    alone = (before == place).sum(axis=1) == 1
    end = (place[:, 0] == 0) | (place[:, 0] == before.max(axis=1))
    some = case.elections[1].counts.any(axis=1)
    held = np.asarray(alone & end & some & (case.elections[0].n_responses > 2))
    return Judgement(held, held & order_changed(case))


CHECK = Check("local IIA", judge, change, titles=TITLES)
