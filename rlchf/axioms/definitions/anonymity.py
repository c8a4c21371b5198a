"""Anonymity: the result does not depend on which annotator cast which ballot.

K. O. May, "A set of independent necessary and sufficient conditions for simple majority decision", 1952.
"""

from dataclasses import replace

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Choices, Judgement, Places
from rlchf.axioms.elections import Elections


def change(e: Elections, places: Places, choices: Choices) -> Change:
    """Annotators swap their ballots, on all prompts of a dataset alike."""
    order = choices.order(e.n_ballots)
    order = order[np.arange(len(e)) // e.together * e.together]
    rows = np.arange(len(e))[:, None]
    after = replace(e, values=e.values[rows, order], weights=e.weights[rows, order])
    return Change((e, after), {"order": order})


def judge(case: Case) -> Judgement:
    """Whether the places differ."""
    before, after = case.places
    return Judgement(np.ones(len(before), bool), (before != after).any(axis=1))


CHECK = Check("anonymity", judge, change, titles=("ballots", "the same ballots in another order"))
