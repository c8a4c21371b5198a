"""Perpetual Equality over rankings."""

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import Order
from rlchf.rules.across._parts.perpetual.aims import EQUALITY
from rlchf.rules.across._parts.perpetual.orders import orders_page, perpetual_orders
from rlchf.rules.across._parts.perpetual.weighting import Unit


@voting_rule(
    kind="across prompts",
    cost="M! K M^2; from 7 responses on M^2 K per step",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
@orders_page
def perpetual_equality(
    rankings: Rankings,
    *,
    unit: Unit = "graded_pair",
    exact: bool = False,
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank each prompt so that the least satisfied annotators so far become as satisfied as possible.

    An annotator's total is the sum of the satisfactions with all prompts so far. An order is better if,
    after it, the smallest total of the annotators present is larger; if these are equal, the next smallest
    totals decide, and so on (leximin). A ballot of weight 2 counts as two annotators. The rule aims at equal
    satisfaction, so that a minority of any size wins half of the contested pairs.

    References
    ----------
    M. Lackner, "Perpetual voting: fairness in long-term decision making", 2020, for approval ballots.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = perpetual_equality(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0][0] for p in range(5)]
    ['plain', 'emoji', 'plain', 'emoji', 'plain']
    """
    return perpetual_orders(
        rankings, "perpetual_equality", EQUALITY, unit, exact, order, seed, frozen
    )
