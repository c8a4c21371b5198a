"""Perpetual Equality over rankings."""

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import Order
from rlchf.rules.across._parts.perpetual.loop import EQUALITY
from rlchf.rules.across._parts.perpetual.orders import perpetual_orders
from rlchf.rules.across._parts.perpetual.weighting import Unit


@voting_rule(
    kind="across prompts",
    cost="M! K M^2; from 7 responses on M^2 K per step",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def perpetual_equality(
    rankings: Rankings,
    *,
    unit: Unit = "contested_pair",
    exact: bool = False,
    order: Order = "input",
    seed: int = 0,
) -> Aggregation:
    """Rank each prompt so that those who got least so far get as much as they can.

    A pair of responses is contested if one ballot puts the first above the second and another the
    second above the first. An annotator's satisfaction is the sum, over the prompts so far, of the
    share of the contested pairs that the outcome orders as the annotator's ballot does. An order is
    better if, after it, the least satisfied of those present have more; if they are as well off with
    both, the next ones decide, and so on (leximin). A ballot of weight 2 counts as two annotators. It
    aims at equal satisfaction, so that a minority of any size gets half of what it fights over.

    What all ballots on a prompt rank alike is kept. Of orders that are equally good the one that agrees
    most with all ballots is chosen, then the first by the order of the responses. Up to 6 responses
    all orders are compared; beyond, the search begins at Borda's order and moves one response at a time
    as long as that helps, but Borda's order stands where M^3 times the number of annotators is over 5e8 (100
    responses and 500 annotators). Prompts on which nothing is contested change nothing for anybody unless
    ``unit`` is another one than contested pairs, nor do prompts on which an annotator is absent change
    anything for the annotator; several ballots of one annotator on a prompt get their mean.

    With "approval" for ``unit`` the winners are those of Lackner's rule, in which satisfaction is 0
    or 1, and ties go by the order of the responses alone.

    Parameters
    ----------
    unit
        What satisfies an annotator, from 0 to 1 on each prompt: the share of the "contested_pair"s, or
        of every "pair" of responses, that the outcome orders as the ballot does; how high the ballot
        ranks the "winner", 1 for first and 0 for last or not at all; or 1 if the ballot gives its
        "approval" to the winner: ranks it in its better half, as `approval` reads it. With the last
        two the best first response is chosen first, then the best of the others, and so on.
    exact
        Count in fractions, so that no tie is taken for a difference or the other way round: for prompts of
        up to 6 responses (any number with "winner" or "approval"), at some 200 prompts a second. Else
        differences below 1e-9 of the sums compared are ties.
    order, seed
        Go through the prompts as they come ("input"), or "shuffled" with a seed.

    Returns
    -------
    Aggregation, with scores M - 1 (first) to 0 (last): strict orders.

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
        rankings, "perpetual_equality", EQUALITY, unit=unit, exact=exact, order=order, seed=seed
    )
