"""Proportional sequential Borda with carried budgets."""

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.budgets import run
from rlchf.rules.across._parts.layout import Order, as_aggregation, lay_out
from rlchf.rules.across._parts.perpetual.satisfaction import PAIR
from rlchf.rules.across._parts.sequential_borda import carry_over


@voting_rule(
    kind="across prompts",
    cost="K M^2",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def carry_psb(
    rankings: Rankings,
    *,
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank with budgets that carry over, so that every group agrees with its share of all pairs.

    This is `cpb` with all pairs in place of the contested ones: a prompt of M responses brings an income of
    M (M - 1) / 2, divided in proportion to the weights. With r responses unplaced, the next is the x with
    the highest B(x), the sum of max(b_i, 0) s_i(x), where s_i(x) is the number of unplaced responses that
    i's ballot ranks below x; annotator i pays (r - 1) max(b_i, 0) s_i(x) / B(x).

    Guarantee, for G annotators who are always present and rank all responses without ties: after every
    prompt each agrees on at least its share of all pairs minus (G - 1)(M - 1). On unanimous prompts the
    annotators with savings pay most, so these prompts use up the savings of a minority: it can win less
    than its share of the contested pairs, even nothing. `cpb` avoids that.

    Ties, gaps, annotators who come and go, several ballots of one annotator, and prompts on which nobody
    has money for a candidate are treated as in `cpb`. On a single prompt the rule is a reconstruction of
    proportional sequential Borda.

    Parameters
    ----------
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
    P. Lederer, "Proportional representation in rank aggregation", 2025, for one prompt; reconstructed
    from the abstract.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b > c > d"), ("p", "bob", "d > c > b > a")]
    >>> carry_psb(Rankings.from_ballots(ballots)).ranking("p")
    [['a'], ['d'], ['c'], ['b']]
    """
    layout = lay_out(rankings, order, seed, frozen)
    scores = run(carry_over, layout, layout.account(), PAIR)
    return as_aggregation(rankings, scores, "carry_psb", order=order, seed=seed)


def budgets(rankings: Rankings, *, order: Order = "input", seed: int = 0) -> np.ndarray:
    """Each annotator's budget after all prompts, in pairs; a negative budget is debt.

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
    run(carry_over, layout, budgets, PAIR)
    return budgets
