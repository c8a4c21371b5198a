"""Contested-pairs carry-over proportional Borda."""

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.budgets import run
from rlchf.rules.across._parts.layout import Order, as_aggregation, lay_out
from rlchf.rules.across._parts.perpetual.weighting import Contested, unit_code
from rlchf.rules.across._parts.sequential_borda import carry_over


@voting_rule(
    kind="across prompts",
    cost="K M^2",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def cpb(
    rankings: Rankings,
    *,
    unit: Contested = "graded_pair",
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank with budgets that carry over, so that every group wins its share of the contested pairs.

    A pair of responses is contested if one ballot ranks it one way and another ballot the other way. It
    counts g = min(1, (10 s)^2), with s its smaller side's share of the weight of all ballots: in full where
    a tenth dissents, and 0.04 where one annotator of 50 does. Each contested pair of a prompt brings an
    income of g, divided among the annotators present in proportion to their weights. Then the ranks are
    filled from the top. Let c(x) be the contested pairs of x with responses that are not placed yet, each
    counted g, s_i(x) those of them that i's ballot decides for x, and b_i the budgets. Candidates for the
    next rank are the responses that no other unplaced response is above by an uncontested pair. If a
    candidate has c(x) = 0 it comes next; otherwise the candidate with the highest B(x) / c(x) does, where
    B(x) is the sum of max(b_i, 0) s_i(x). Annotator i pays c(x) max(b_i, 0) s_i(x) / B(x).

    Guarantee, for G annotators (or groups of annotators with the same ballots) who are always present and
    rank all responses, at most M, without ties: after every prompt, each agrees with the outcome on at
    least its share of the weight, times the number of contested pairs so far, each counted g, minus
    (G - 1)(M - 1). So the
    shortfall does not grow with the number of prompts. An uncontested pair is never decided the other way.
    Proof: i's favourite x among the unplaced responses has s_i(x) = c(x), so B(x) / c(x) is at least b_i;
    that holds for the chosen x as well, and i pays at most s_i(x), the agreement gained. The whole income
    is spent, so the budgets add up to 0. Nobody pays more than M - 1 for a rank, and only
    from a positive budget, so nobody owes M - 1 or more, and nobody can have saved (G - 1)(M - 1).

    A ballot that ties a pair or does not rank both is on neither side of it; the guarantee does not cover
    its annotator, who still gets the full income. Annotators who come and go earn income only on prompts
    on which they are present. If no annotator with a ballot for a candidate has money, the weights decide
    in place of the budgets, and the annotators who agree pay by weight and go into debt; the guarantee
    then holds up to these debts. If ballots with gaps put every unplaced response below another, only the
    responses below another one on all ballots have to wait. An annotator's ballots on a prompt share its
    budget in proportion to their weights. Ties go to the first response; bids that differ by less than 1e-9
    of all money are tied. There is no option for exact fractions: every payment divides by a sum of
    budgets, so that their digits multiply with each rank (five annotators and four responses: 543 digits
    after five prompts, four times as many after each further prompt).

    The share of first places is not guaranteed: of two opposite groups the minority may win its share of
    the pairs in second places.

    Parameters
    ----------
    unit
        "graded_pair": a contested pair brings and costs g = min(1, (10 s)^2), with s its smaller side's
        share of the weight of all ballots. "contested_pair": each brings and costs 1.
    order, seed
        Decide the prompts in the order of the input ("input"), or "shuffled" with a seed.
    frozen
        An earlier output of the rule: its rankings stay as they are, and the budgets that they lead to are
        carried on to the other prompts.

    Returns
    -------
    Aggregation, with scores M - 1 (first) to 0 (last): strict orders.

    References
    ----------
    The rule is defined in this package and in no paper: cite rlchf (docs/project/citing.md). It extends to
    many prompts a reconstruction of proportional sequential Borda from P. Lederer, "Proportional
    representation in rank aggregation", 2025.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = cpb(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0] for p in range(5)]
    [['plain'], ['emoji'], ['plain'], ['emoji'], ['plain']]
    """
    layout = lay_out(rankings, order, seed, frozen)
    scores = run(carry_over, layout, layout.account(), unit_code(unit))
    return as_aggregation(rankings, scores, "cpb", unit=unit, order=order, seed=seed)


def budgets(
    rankings: Rankings,
    *,
    unit: Contested = "graded_pair",
    order: Order = "input",
    seed: int = 0,
) -> np.ndarray:
    """Each annotator's budget after all prompts, in contested pairs; a negative budget is debt.

    It is the annotator's share of the contested pairs minus its payments; under the guarantee these are
    at most the pairs on which it has agreed with the outcome.

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
    run(carry_over, layout, budgets, unit_code(unit))
    return budgets
