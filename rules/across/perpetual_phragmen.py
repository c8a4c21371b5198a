"""Perpetual Phragmén over rankings."""

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import Order
from rlchf.rules.across._parts.perpetual.aims import PHRAGMEN
from rlchf.rules.across._parts.perpetual.orders import orders_page, perpetual_orders
from rlchf.rules.across._parts.perpetual.weighting import Unit


@voting_rule(
    kind="across prompts",
    cost="M! K M^2; from 7 responses on M^2 K per step",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
@orders_page
def perpetual_phragmen(
    rankings: Rankings,
    *,
    unit: Unit = "graded_pair",
    exact: bool = False,
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank each prompt so that the loads of the satisfied annotators stay as low as possible.

    Each prompt is a load, equal to the weight of all its ballots times its stake, which the satisfied
    annotators carry.
    An order is better if its supporters' loads would be equal at a lower level. At that level the sum of
    (level - the annotator's load) times weight times satisfaction is the prompt's load; annotators with a
    larger load are excluded. Afterwards each supporter's load grows by its satisfaction times its
    difference from that level.

    References
    ----------
    M. Lackner, "Perpetual voting: fairness in long-term decision making", 2020, for approval ballots.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = perpetual_phragmen(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0][0] for p in range(5)]
    ['plain', 'emoji', 'plain', 'plain', 'emoji']
    """
    return perpetual_orders(
        rankings, "perpetual_phragmen", PHRAGMEN, unit, exact, order, seed, frozen
    )
