"""Perpetual Nash over rankings."""

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import Order
from rlchf.rules.across._parts.perpetual.aims import NASH
from rlchf.rules.across._parts.perpetual.orders import orders_page, perpetual_orders
from rlchf.rules.across._parts.perpetual.weighting import Unit


@voting_rule(
    kind="across prompts",
    cost="M! K M^2; from 7 responses on M^2 K per step",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
@orders_page
def perpetual_nash(
    rankings: Rankings,
    *,
    unit: Unit = "graded_pair",
    exact: bool = False,
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank each prompt so that the product of the annotators' satisfactions so far is largest.

    An annotator's total is the sum of the satisfactions with all prompts so far. An order is better if,
    after it, a larger weight of the annotators present has a total above 0; if these weights are equal,
    the larger product of those totals decides, each to the power of the annotator's weight.

    References
    ----------
    M. Lackner, "Perpetual voting: fairness in long-term decision making", 2020, for approval ballots.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = perpetual_nash(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0][0] for p in range(5)]
    ['plain', 'emoji', 'plain', 'emoji', 'plain']
    """
    return perpetual_orders(rankings, "perpetual_nash", NASH, unit, exact, order, seed, frozen)
