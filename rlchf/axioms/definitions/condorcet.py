"""Condorcet winner: a response that beats every other by majority is the sole winner.

M. de Condorcet, "Essai sur l'application de l'analyse à la probabilité des décisions", 1785. A majority is
among the ballots that rank both.
"""

from rlchf.axioms.cases import Case, Check, Judgement, winners


def judge(case: Case) -> Judgement:
    """Whether there is a Condorcet winner that is not the sole winner."""
    (e,), (places,) = case.elections, case.places
    winner = (e.margins > 0).sum(axis=2) == e.n_responses - 1
    held = winner.any(axis=1)
    return Judgement(held, held & (winners(places) != winner).any(axis=1))


CHECK = Check("condorcet", judge)
