"""Phragmén's rule over pairs."""

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.budgets import run
from rlchf.rules.across._parts.layout import Order, as_aggregation, lay_out
from rlchf.rules.across._parts.pair_purchases import buy_pairs
from rlchf.rules.across._parts.perpetual.weighting import Contested, unit_code


@voting_rule(
    kind="across prompts",
    cost="K M^4",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def phragmen_pairs(
    rankings: Rankings,
    *,
    unit: Contested = "graded_pair",
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Decide pair after pair so that the load of the pairs won is balanced over the annotators.

    A pair is contested if one ballot ranks it one way and another ballot the other way; uncontested pairs
    bring no load and are decided first. A contested pair counts g = min(1, (10 s)^2), with s its smaller
    side's share of the weight of all ballots: in full where a tenth dissents, and 0.04 where one annotator
    of 50 does. To put a above b brings a load of g, which its supporters carry: with weights v_i that add
    up to 1 and loads l_i, their loads rise to the level t at which the sum of v_i max(0, t - l_i) is g;
    supporters with a higher load carry nothing. The pair with the least level is decided next. A pair that
    follows from the pairs decided brings a load to its supporters in the same way. A pair that contradicts
    them can no longer be decided. Pairs that no ballot ranks are ordered by the first Kemeny order of the
    ballots that keeps the pairs decided. No bound on the shortfall of a group with the same ballots is
    proved; in an adversarial search over up to five groups, 60 prompts and six responses
    (``benchmarks/across/bounds.py``, unit "contested_pair") the largest shortfall was more than five pairs.

    The prompts are decided one by one, and loads carry over. On each prompt the loads of the annotators
    present first fall by the number of its contested pairs, each counted g, which is what they rise by on
    average, so that an annotator who comes late or seldom is neither ahead nor behind. Each prompt takes at
    most M (M - 1) / 2 decisions, with M (M - 1) levels each, and the time grows linearly with the number of
    prompts.

    A ballot that ties a pair or does not rank both carries no load for it. If an annotator has several
    ballots on a prompt, their mean load by weight carries over. Ties go to the first pair in the order of
    the responses. With more than 10 responses, Borda scores take the place of the Kemeny order. With more
    than 128, no pair is chosen by its level: the outcome is the order by Borda scores that keeps the
    uncontested pairs, and its load is spread as above.

    Parameters
    ----------
    unit
        "graded_pair": a contested pair brings and costs g = min(1, (10 s)^2), with s its smaller side's
        share of the weight of all ballots. "contested_pair": each brings and costs 1.
    order, seed
        Decide the prompts in the order of the input ("input"), or "shuffled" with a seed.
    frozen
        An earlier output of the rule: its rankings stay as they are, and the loads that they lead to are
        carried on to the other prompts.

    Returns
    -------
    Aggregation, with scores M - 1 (first) to 0 (last): strict orders.

    References
    ----------
    E. Phragmén, "Till frågan om en proportionell valmetod", 1899, for committees; pairs across
    prompts as the candidates are this package's.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = phragmen_pairs(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0] for p in range(5)]
    [['plain'], ['emoji'], ['plain'], ['emoji'], ['plain']]
    """
    layout = lay_out(rankings, order, seed, frozen)
    scores = run(buy_pairs, layout, layout.account(), True, unit_code(unit))
    return as_aggregation(rankings, scores, "phragmen_pairs", unit=unit, order=order, seed=seed)
