"""Credit accounting over pairs."""

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import Rule, get_rule, is_across, voting_rule
from rlchf.rules.across._parts.budgets import Accounts, collect, run, shares_of
from rlchf.rules.across._parts.credit import ballot_weights, charge, decide_by_credit, earn
from rlchf.rules.across._parts.layout import Layout, Order, as_aggregation, lay_out
from rlchf.rules.across._parts.orders import MOST_FOR_SUBSETS
from rlchf.ties import strict_order


@voting_rule(
    kind="across prompts",
    cost="K M^2 + the base rule",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def phragmen_credit(
    rankings: Rankings, *, base: str = "kemeny", order: Order = "input", seed: int = 0
) -> Aggregation:
    """Rank with credit as weight: all earn a share of every pair, who agrees with it pays for it.

    Each pair of a prompt's responses brings an income of 1, divided among those present in proportion to
    their weights. Then the base rule ranks the responses, with each ballot counting the balance that
    its annotator now has, or nothing if that is negative; if nobody's is positive, the ballots count
    their weights. Its ties are broken by the order of the responses. For each pair, those who agree with
    the outcome pay 1 together, in proportion to their weights, into debt if need be; if nobody does, all
    pay. So the balances add up to 0.

    Pairs on which all agree leave everybody's balance as it was. (Paid in proportion to the
    balances they would use up what a minority has saved.) With Kemeny's rule and two groups that
    each vote alike, all always present, the group with the higher balance decides all that is contested.
    So after every prompt each group's contested pairs won are within half a prompt's contested pairs of
    its share, and if the groups differ in their favourite and the number of contested pairs is always
    the same, so are its first places within 1/2 of its share, with unanimous pairs and prompts
    mixed in. Proof: with c pairs contested, a balance x before, -x of the others, and a share s of the
    weight, a group decides if x + s c > c - s c - x, so it has more than -c/2 afterwards, and at most
    c/2 if it does not decide.

    If 10 of 100 annotators, 40 of whom are in the minority, are drawn for each prompt, the minority
    still gets 0.40 of the first places, within 0.01 over some hundred prompts; that is observed,
    not proven. The shares are no longer exact where the members of a group differ: with random swaps on
    the ballots of two opposite groups of 6 and 4, the minority gets about a third of the first
    places, while it agrees with more than its share of contested pairs. With bases that seek a middle,
    the minority can win its pairs further down: 0.30 of the first places with Borda's rule if 6 rank
    two responses above two others and 4 the other way.

    Where annotators come and go, balances change only on prompts on which they are present. A ballot
    that ties a pair or does not rank both pays nothing for it. An annotator's ballots on a prompt share
    its balance in proportion to their weights.

    Parameters
    ----------
    base
        The rule that ranks each prompt; it has to be one that looks at one prompt at a time. With
        ``kemeny`` and ``borda`` the loop is compiled (with ``kemeny`` up to 10 responses to a prompt).
    order, seed
        Decide the prompts in the order of the input ("input"), or "shuffled" with a seed.

    Returns
    -------
    Aggregation, with scores M - 1 (first) to 0 (last): strict orders.

    References
    ----------
    rlchf, 2025; after E. Phragmén, "Till frågan om en proportionell valmetod", 1899, in which voters
    pay for what is elected out of an income.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = phragmen_credit(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0] for p in range(5)]
    [['plain'], ['emoji'], ['plain'], ['emoji'], ['plain']]
    """
    rule = get_rule(base)
    if is_across(rule):
        raise ValueError(
            f"base is {base!r}, which looks across prompts itself; choose another rule"
        )
    layout = lay_out(rankings, order, seed)
    balances = np.zeros(layout.n_annotators)
    if base == "borda" or (base == "kemeny" and layout.sizes.max() <= MOST_FOR_SUBSETS):
        scores = run(decide_by_credit, layout, balances, base == "borda")
    else:
        scores = _decide_by_rule(layout, rule, balances)
    return as_aggregation(rankings, scores, "phragmen_credit", base=base, order=order, seed=seed)


def _decide_by_rule(layout: Layout, rule: Rule, balances: np.ndarray) -> np.ndarray:
    """The (R,) scores with any rule that looks at one prompt at a time."""
    rankings, accounts = layout.rankings, Accounts(balances, np.zeros(len(balances)))
    scores = np.empty(len(rankings.response_ids))
    for p in layout.prompts.tolist():
        batch = rankings.batch(np.array([p]))
        shares, who = shares_of(batch.weights), batch.annotators
        money = earn(shares, who, accounts, batch.n_responses)
        order = strict_order(rule, batch.reweighted(ballot_weights(shares, money)))[0]
        scores[rankings.response_starts[p] + order] = np.arange(len(order) - 1, -1, -1)
        charge(batch.ranks.T.copy(), shares, money, order)
        collect(money, shares, who, balances)
    return scores
