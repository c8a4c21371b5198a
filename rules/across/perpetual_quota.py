"""Perpetual Quota over rankings."""

from numba import cfunc

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.layout import Order
from rlchf.rules.across._parts.perpetual.loop import AFTER, SAY
from rlchf.rules.across._parts.perpetual.weighting import Credit, Unit, perpetual


@cfunc(SAY, cache=True)
def _say(missing: float, due: float) -> float:
    return max(missing + due, 0)


@cfunc(AFTER, cache=True)
def _after(missing: float, got: float, due: float, price: float) -> float:
    return missing + due - got


QUOTA = Credit(0, _say, _after, deserves=True)


@voting_rule(
    kind="across prompts",
    cost="K M^2 + the base rule",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def perpetual_quota(
    rankings: Rankings,
    *,
    base: str = "kemeny",
    unit: Unit = "contested_pair",
    exact: bool = False,
    order: Order = "input",
    seed: int = 0,
) -> Aggregation:
    """Rank prompt after prompt, giving those say who got less than the support of their opinions so far.

    An annotator deserves on a prompt what support the own ballot has: the share, in weight, of those on
    the same side among all with an opinion, on average over the contested pairs (those that two
    ballots rank in opposite ways). The annotator's satisfaction is the share of the contested pairs that
    the outcome orders as the ballot does. The base rule multiplies a ballot's weight by what its
    annotator has deserved, this prompt included, minus all satisfaction so far, or by 0 if that is less.

    If the first response is what satisfies (``unit`` is "winner" or "approval"), an annotator deserves
    the most that the mean satisfaction with a response, times the annotator's own with it, comes to.

    Ties of the base rule are broken by the order of the responses. If nobody on a prompt has any say
    left, all ballots count with their weights. Prompts on which nothing is contested change nobody's
    account unless ``unit`` is another one than contested pairs, nor do prompts on which an annotator is
    absent change the annotator's; several ballots of one annotator on a prompt share the change.

    With "approval" for both ``base`` and ``unit`` the winners are those of Lackner's rule, in which
    satisfaction is 0 or 1.

    Parameters
    ----------
    base
        The rule, one that looks at one prompt at a time, that ranks each prompt.
    unit
        What satisfies an annotator, from 0 to 1 on each prompt: the share of the "contested_pair"s, or
        of every "pair" of responses, that the outcome orders as the ballot does; how high the ballot
        ranks the "winner", 1 for first and 0 for last or not at all; or 1 if the ballot gives its
        "approval" to the winner: ranks it in its better half, as `approval` reads it.
    exact
        Count in fractions, so that no tie is taken for a difference or the other way round: for the
        bases kemeny (of up to 10 responses), borda and approval, at some 1,000 prompts a second. Else
        sums that differ by less than 1e-9 of all weight are tied.
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
    >>> result = perpetual_quota(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0][0] for p in range(5)]
    ['plain', 'emoji', 'plain', 'emoji', 'plain']
    """
    return perpetual(
        rankings,
        "perpetual_quota",
        QUOTA,
        base=base,
        unit=unit,
        exact=exact,
        order=order,
        seed=seed,
    )
