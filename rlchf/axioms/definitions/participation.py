"""Participation: no annotator would get a result that it prefers by not voting (the no-show paradox).

H. Moulin, "Condorcet's principle implies the no show paradox", 1988. An annotator prefers one set of winners
to another if it ranks every winner of the first at least as high as every winner of the second, and some
higher (J. S. Kelly, "Strategy-proofness and social choice functions without singlevaluedness", 1977); so of
two sole winners it prefers the one that it ranks higher.
"""

from dataclasses import replace

import numpy as np

from rlchf.axioms.cases import Case, Change, Check, Choices, Judgement, Places, winners
from rlchf.axioms.elections import Elections


def change(e: Elections, places: Places, choices: Choices) -> Change:
    """One annotator does not vote."""
    ballot = choices.below(e.n_ballots)
    weights = np.where(ballot[:, None] == np.arange(e.n_ballots), 0.0, e.weights)
    return Change((e, replace(e, weights=weights)), {"ballot": ballot})


def judge(case: Case) -> Judgement:
    """Whether the annotator prefers the winners without its ballot."""
    e, without = case.elections
    rows, ballot = np.arange(len(e)), case.about["ballot"]
    values = e.values[rows, ballot]  # (B, M)
    new, old = winners(case.places[1]), winners(case.places[0])
    held = e.counts[rows, ballot] & without.counts.any(axis=1)
    pairs = new[:, :, None] & old[:, None]
    ranked = (values[:, :, None] > 0) & (values[:, None] > 0)
    at_least = ranked & (values[:, :, None] <= values[:, None])
    same = np.eye(values.shape[1], dtype=bool)
    all_at_least = (at_least | ~pairs | same).all(axis=(1, 2))
    some_higher = (pairs & ranked & (values[:, :, None] < values[:, None])).any(axis=(1, 2))
    return Judgement(held, held & all_at_least & some_higher)


CHECK = Check(
    "participation",
    judge,
    change,
    titles=("ballots", "an annotator with the ballot {ballot} does not vote"),
)
