"""Equal shares over pairs."""

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.budgets import run
from rlchf.rules.across._parts.layout import Order, as_aggregation, lay_out
from rlchf.rules.across._parts.pair_purchases import buy_pairs
from rlchf.rules.across._parts.perpetual.weighting import Contested, unit_code


@voting_rule(
    kind="across prompts",
    cost="K M^4",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def equal_shares_pairs(
    rankings: Rankings,
    *,
    unit: Contested = "graded_pair",
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Let annotators buy pairs, each paid in equal shares, out of budgets that carry over.

    A pair is contested if one ballot ranks it one way and another ballot the other way; uncontested pairs
    cost nothing and are decided first. A contested pair counts g = min(1, (10 s)^2), with s its smaller
    side's share of the weight of all ballots: in full where a tenth dissents, and 0.04 where one annotator
    of 50 does. It brings an income of g, divided among the annotators present in proportion to their
    weights v_i. To put a above b costs g, which its supporters pay: each pays min(b_i, v_i g rho) of its
    budget b_i (nothing if that is negative), with the least rho at which the payments add up to g. The pair
    with the least rho is bought next, until no pair can be afforded. A pair that contradicts the pairs
    bought cannot be bought. A pair that follows from them is charged at once to its supporters, in the same
    way. In the end the outcome is the first Kemeny order of the ballots that keeps the pairs bought, and
    supporters are charged for its other pairs. If supporters have less than g together, they pay all they
    have, and owe the rest in proportion to the weights.

    So every contested pair is paid for, the budgets add up to 0, and a group with the same ballots can win
    less than its share only if its savings grow without bound. No bound on the savings is proved; in an
    adversarial search over up to five groups, 60 prompts and six responses
    (``benchmarks/across/bounds.py``, unit "contested_pair") the largest shortfall was four pairs. Without
    debts a majority could win many of the implied pairs for free: with four responses and 1/3 of the weight
    a minority got 1/6.

    The prompts are decided one by one, from the savings so far and without looking ahead. Each prompt takes
    at most M (M - 1) / 2 purchases, with M (M - 1) prices each, and the time grows linearly with the number
    of prompts.

    A ballot that ties a pair or does not rank both pays nothing for it. Annotators who come and go earn
    income only on prompts on which they are present. An annotator's ballots on a prompt share its budget in
    proportion to their weights. Ties go to the first pair in the order of the responses. With more than 10
    responses, Borda scores take the place of the Kemeny order. With more than 128, no pair is bought: the
    outcome is the order by Borda scores that keeps the uncontested pairs, and it is paid for as above.

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
    D. Peters and P. Skowron, "Proportionality and the limits of welfarism", 2020, for committees;
    pairs across prompts as the candidates are this package's.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = equal_shares_pairs(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0] for p in range(5)]
    [['plain'], ['plain'], ['emoji'], ['plain'], ['emoji']]
    """
    layout = lay_out(rankings, order, seed, frozen)
    scores = run(buy_pairs, layout, layout.account(), False, unit_code(unit))
    return as_aggregation(rankings, scores, "equal_shares_pairs", unit=unit, order=order, seed=seed)
