"""Perpetual Reset over rankings."""

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
    return credit * (1 - satisfaction) + stake


RESET = Weighting(1, ballot_weight, update)


@voting_rule(
    kind="across prompts",
    cost="K M^2 + the base rule",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
@weighting_page
def perpetual_reset(
    rankings: Rankings,
    *,
    base: str = "kemeny",
    unit: Unit = "graded_pair",
    exact: bool = False,
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank prompt after prompt; all earn one vote per prompt, and satisfaction resets the votes.

    Every annotator begins with a credit of 1, by which the base rule multiplies the weights of an
    annotator's ballots. After a prompt an annotator whose satisfaction with the outcome is u keeps the
    share 1 - u of the credit, and the stake is added, 1 unless all pairs are nearly unanimous: a fully
    satisfied annotator starts again at 1.

    References
    ----------
    M. Lackner, "Perpetual voting: fairness in long-term decision making", 2020, for approval ballots.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = perpetual_reset(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0][0] for p in range(5)]
    ['plain', 'emoji', 'plain', 'emoji', 'plain']
    """
    return perpetual(rankings, "perpetual_reset", RESET, base, unit, exact, order, seed, frozen)
