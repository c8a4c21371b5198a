"""Contested-pairs carry-over proportional Borda."""

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.budgets import run
from rlchf.rules.across._parts.layout import Order, as_aggregation, lay_out
from rlchf.rules.across._parts.sequential_borda import carry_over


@voting_rule(
    kind="across prompts",
    cost="K M^2",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def cpb(rankings: Rankings, *, order: Order = "input", seed: int = 0) -> Aggregation:
    """Rank with budgets that carry over, so that all win their share of the contested pairs.

    A pair of responses is contested if one ballot ranks it one way and another the other way. Each
    contested pair of a prompt brings an income of 1, divided among those present in proportion to
    their weights. Then places are filled from the top. Let c(x) be the number of contested pairs of x
    with responses still left, s_i(x) how many of them i's ballot decides for x, and b_i the budgets.
    Whoever is left, is not below another by a pair that nobody contests, and has c(x) = 0 comes next;
    else who has the highest B(x) / c(x), where B(x) is the sum of max(b_i, 0) s_i(x). Annotator i pays
    c(x) max(b_i, 0) s_i(x) / B(x).

    Guarantee, for G annotators (or groups of annotators who always vote alike) who are always present
    and rank all responses without ties, at most M of them: after every prompt, each agrees with the
    outcome on at least its share of the weight, times the number of contested pairs so far, minus
    (G - 1)(M - 1). So the shortfall does not grow with the number of prompts. What nobody contests is
    never decided the other way. Proof: the favourite x of i among those left has s_i(x) = c(x), so
    B(x) / c(x) is at least b_i, for the chosen x as well, and i pays at most s_i(x), the agreement
    gained. All is spent, so the budgets add up to 0. Nobody pays more than M - 1 on a prompt from
    a positive budget, so nobody owes M - 1 or more, and nobody can have saved (G - 1)(M - 1).

    A ballot that ties a pair or does not rank both is on neither side of it; the guarantee does not
    cover its annotator, who gets the full income all the same. Where annotators come and go, income
    comes only from prompts on which they are present. If all who have a say are without money, the
    weights decide in place of the budgets, and who agrees pays by weight, and goes into debt; the
    guarantee then holds up to these debts. If ballots with gaps leave everybody below somebody, only
    those below another on all ballots have to wait. An annotator's ballots on a prompt share its
    budget in proportion to their weights. Ties go to the first response; bids that differ by less than
    1e-9 of all money are tied. Exact fractions are no option: every payment divides by a sum of
    budgets, so that their digits multiply with each place (five annotators and four responses: 543
    digits after five prompts, four times as many after each one more).

    The share of first places is not guaranteed: with two opposite groups the minority may win its share
    of the pairs in second places.

    Parameters
    ----------
    order, seed
        Decide the prompts in the order of the input ("input"), or "shuffled" with a seed.

    Returns
    -------
    Aggregation, with scores M - 1 (first) to 0 (last): strict orders.

    References
    ----------
    rlchf, 2025. It extends to many prompts a reconstruction of proportional sequential Borda from
    P. Lederer, "Proportional representation in rank aggregation", 2025.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = cpb(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0] for p in range(5)]
    [['plain'], ['emoji'], ['plain'], ['emoji'], ['plain']]
    """
    layout = lay_out(rankings, order, seed)
    scores = run(carry_over, layout, np.zeros(layout.n_annotators), True)
    return as_aggregation(rankings, scores, "cpb", order=order, seed=seed)


def budgets(rankings: Rankings, *, order: Order = "input", seed: int = 0) -> np.ndarray:
    """What each annotator has left after all prompts, in contested pairs; below 0 is debt.

    It is the share of contested pairs that the annotator's weight stands for, minus what it has paid;
    under the guarantee that is at most what it has agreed on.

    Returns
    -------
    (A,) float64.

    Examples
    --------
    >>> budgets(Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "b > a")]))
    array([-0.5,  0.5])
    """
    layout = lay_out(rankings, order, seed)
    budgets = np.zeros(layout.n_annotators)
    run(carry_over, layout, budgets, True)
    return budgets
