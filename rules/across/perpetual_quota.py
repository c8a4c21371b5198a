"""Perpetual Quota over rankings."""

from numba import cfunc

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import Order
from rlchf.rules.across._parts.perpetual.loop import BALLOT_WEIGHT, UPDATE, Weighting
from rlchf.rules.across._parts.perpetual.weighting import Unit, perpetual, weighting_page


@cfunc(BALLOT_WEIGHT, cache=True)
def ballot_weight(deficit: float, entitlement: float) -> float:
    """The factor of a ballot's weight."""
    return max(deficit + entitlement, 0)


@cfunc(UPDATE, cache=True)
def update(
    deficit: float, satisfaction: float, entitlement: float, price: float, stake: float
) -> float:
    """The deficit after a prompt."""
    return deficit + entitlement - satisfaction


QUOTA = Weighting(0, ballot_weight, update, uses_entitlement=True)


@voting_rule(
    kind="across prompts",
    cost="K M^2 + the base rule",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
@weighting_page
def perpetual_quota(
    rankings: Rankings,
    *,
    base: str = "kemeny",
    unit: Unit = "graded_pair",
    exact: bool = False,
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank prompt after prompt; ballots count by their annotators' entitlement minus satisfaction.

    An annotator's entitlement on a prompt (its quota) is the support of its ballot: the share, in weight, of
    the ballots on the same side among all ballots with an opinion, on average over the contested pairs. The
    base rule multiplies a ballot's weight by the sum of its annotator's entitlements, this prompt included,
    minus the sum of its satisfactions so far, or by 0 if that is negative.

    If ``unit`` is "winner" or "approval", the entitlement is the largest product, over the responses, of the
    annotator's satisfaction with a response in first place and the mean satisfaction with it.

    References
    ----------
    M. Lackner, "Perpetual voting: fairness in long-term decision making", 2020, for approval ballots.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = perpetual_quota(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0][0] for p in range(5)]
    ['plain', 'emoji', 'plain', 'emoji', 'plain']
    """
    return perpetual(rankings, "perpetual_quota", QUOTA, base, unit, exact, order, seed, frozen)
