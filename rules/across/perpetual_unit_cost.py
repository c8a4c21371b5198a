"""Perpetual Unit-Cost over rankings."""

from numba import cfunc

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import Order
from rlchf.rules.across._parts.perpetual.loop import BALLOT_WEIGHT, UPDATE, Weighting
from rlchf.rules.across._parts.perpetual.weighting import Unit, perpetual, weighting_page


@cfunc(BALLOT_WEIGHT, cache=True)
def ballot_weight(credit: float, entitlement: float) -> float:
    """The factor of a ballot's weight."""
    return credit


@cfunc(UPDATE, cache=True)
def update(
    credit: float, satisfaction: float, entitlement: float, price: float, stake: float
) -> float:
    """The credit after a prompt."""
    return credit + stake - satisfaction


UNIT_COST = Weighting(1, ballot_weight, update)


@voting_rule(
    kind="across prompts",
    cost="K M^2 + the base rule",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
@weighting_page
def perpetual_unit_cost(
    rankings: Rankings,
    *,
    base: str = "kemeny",
    unit: Unit = "graded_pair",
    exact: bool = False,
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank prompt after prompt; all earn one vote per prompt and pay for their satisfaction.

    Every annotator begins with a credit of 1, by which the base rule multiplies the weights of an
    annotator's ballots. After a prompt the credit grows by its stake, 1 unless all pairs are nearly
    unanimous, minus the annotator's satisfaction with the outcome.

    References
    ----------
    M. Lackner, "Perpetual voting: fairness in long-term decision making", 2020, for approval ballots.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = perpetual_unit_cost(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0][0] for p in range(5)]
    ['plain', 'emoji', 'plain', 'emoji', 'plain']
    """
    return perpetual(
        rankings, "perpetual_unit_cost", UNIT_COST, base, unit, exact, order, seed, frozen
    )
