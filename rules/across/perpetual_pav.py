"""Perpetual PAV over rankings."""

from numba import cfunc

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import Order
from rlchf.rules.across._parts.perpetual.loop import BALLOT_WEIGHT, UPDATE, Weighting
from rlchf.rules.across._parts.perpetual.weighting import Unit, perpetual, weighting_page


@cfunc(BALLOT_WEIGHT, cache=True)
def ballot_weight(total: float, entitlement: float) -> float:
    """The factor of a ballot's weight."""
    return 1 / (1 + total)


@cfunc(UPDATE, cache=True)
def update(
    total: float, satisfaction: float, entitlement: float, price: float, stake: float
) -> float:
    """The total after a prompt."""
    return total + satisfaction


PAV = Weighting(0, ballot_weight, update)


@voting_rule(
    kind="across prompts",
    cost="K M^2 + the base rule",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
@weighting_page
def perpetual_pav(
    rankings: Rankings,
    *,
    base: str = "kemeny",
    unit: Unit = "graded_pair",
    exact: bool = False,
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank prompt after prompt; a ballot's weight falls with its annotator's satisfaction so far.

    An annotator's total S is the sum of the satisfactions with all prompts so far. On each prompt the base
    rule sees every ballot with its weight divided by 1 + S. So a lasting minority wins from time to time, if
    it has no satisfaction otherwise, and the result depends on the order of the prompts.

    Satisfaction that two groups have in common counts as well: of two groups with shares a > b of the
    weight, c of the contested pairs between them and satisfaction u of both with the other contested pairs,
    the smaller one decides b - u (a - b) / c of the prompts. With 60 and 40 %, and four responses of two
    kinds, that is 0.40 - 0.10 q, with q the agreement on the two pairs within a kind if these count in
    full. Where a tenth or more of the weight dissents on such pairs, `phragmen_credit` or `perpetual_quota`
    is nearer to the shares.

    References
    ----------
    M. Lackner, "Perpetual voting: fairness in long-term decision making", 2020, for approval ballots.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = perpetual_pav(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0][0] for p in range(5)]
    ['plain', 'emoji', 'plain', 'emoji', 'plain']
    """
    return perpetual(rankings, "perpetual_pav", PAV, base, unit, exact, order, seed, frozen)
