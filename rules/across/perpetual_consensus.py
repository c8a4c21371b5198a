"""Perpetual Consensus over rankings."""

from numba import cfunc

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import Order
from rlchf.rules.across._parts.orders import NEARLY
from rlchf.rules.across._parts.perpetual.loop import BALLOT_WEIGHT, UPDATE, Weighting
from rlchf.rules.across._parts.perpetual.weighting import Unit, perpetual, weighting_page


@cfunc(BALLOT_WEIGHT, cache=True)
def ballot_weight(credit: float, entitlement: float) -> float:
    """The factor of a ballot's weight."""
    return max(credit, 0)


@cfunc(UPDATE, cache=True)
def update(
    credit: float, satisfaction: float, entitlement: float, price: float, stake: float
) -> float:
    """The credit after a prompt."""
    return credit + stake - (price * satisfaction if credit > NEARLY else 0)


CONSENSUS = Weighting(1, ballot_weight, update)


@voting_rule(
    kind="across prompts",
    cost="K M^2 + the base rule",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
@weighting_page
def perpetual_consensus(
    rankings: Rankings,
    *,
    base: str = "kemeny",
    unit: Unit = "graded_pair",
    exact: bool = False,
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank prompt after prompt; all earn one vote per prompt, and satisfied annotators pay for all.

    Every annotator begins with a credit of 1, by which the base rule multiplies the weights of an
    annotator's ballots; a credit below 0 counts as 0. After a prompt the annotators with a positive credit
    pay for the weight of all its ballots times its stake, together and in proportion to weight times
    satisfaction. Then every annotator present earns the stake, 1 unless all pairs are nearly unanimous. So
    each member of a small group pays more for an outcome than each member of a large group.

    References
    ----------
    M. Lackner, "Perpetual voting: fairness in long-term decision making", 2020, for approval ballots.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = perpetual_consensus(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0][0] for p in range(5)]
    ['plain', 'emoji', 'plain', 'emoji', 'plain']
    """
    return perpetual(
        rankings, "perpetual_consensus", CONSENSUS, base, unit, exact, order, seed, frozen
    )
