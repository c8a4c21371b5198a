"""Homogeneity: multiplying all weights by the same number leaves the result as it is.

P. C. Fishburn, "Condorcet social choice functions", 1977. Here it need not keep ties where weights have no
common unit, because these are rounded.
"""

from dataclasses import replace

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Choices, Judgement, Places
from rlchf.axioms.elections import Elections

FACTORS = np.array([2.0, 3.0, 0.1, 1 / 3, 2.0**-40, 7e8])


def change(e: Elections, places: Places, choices: Choices) -> Change:
    """All weights are multiplied by a number, on all prompts of a dataset alike."""
    factor = FACTORS[choices.below(len(FACTORS))]
    factor = factor[np.arange(len(e)) // e.together * e.together]
    return Change((e, replace(e, weights=e.weights * factor[:, None])))


def judge(case: Case) -> Judgement:
    """Whether the places differ, where the weights are exact."""
    before, after = case.places
    exact = np.asarray(case.elections[1].profiles().is_exact)
    return Judgement(exact, exact & (before != after).any(axis=1))


CHECK = Check(
    "homogeneity", judge, change, titles=("ballots", "the same ballots with all weights multiplied")
)
