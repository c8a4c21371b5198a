"""Neutrality: if the responses are renamed, the result is renamed in the same way.

K. O. May, "A set of independent necessary and sufficient conditions for simple majority decision", 1952.
"""

from dataclasses import replace

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Choices, Judgement, Places
from rlchf.axioms.elections import Elections


def change(e: Elections, places: Places, choices: Choices) -> Change:
    """Responses swap their names: the new response i is the old one ``renaming[i]``."""
    renaming = choices.order(e.n_responses)
    after = replace(e, values=np.take_along_axis(e.values, renaming[:, None], axis=2))
    return Change((e, after), {"renaming": renaming})


def judge(case: Case) -> Judgement:
    """Whether the places are not those of the old names."""
    before, after = case.places
    expected = np.take_along_axis(before, case.about["renaming"], axis=1)
    return Judgement(np.ones(len(before), bool), (expected != after).any(axis=1))


CHECK = Check(
    "neutrality", judge, change, titles=("ballots", "the same ballots with responses renamed")
)
