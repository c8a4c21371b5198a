"""Credit accounting over pairs."""

import numpy as np
from numba import njit

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings
from rlchf.rules import Rule, voting_rule
from rlchf.rules.across._parts.budgets import Accounts, add, collect, run, shares_of, split
from rlchf.rules.across._parts.layout import (
    Block,
    Layout,
    Order,
    as_aggregation,
    ballots_of,
    lay_out,
    take_frozen,
    write_order,
)
from rlchf.rules.across._parts.orders import (
    MOST_FOR_SUBSETS,
    count_above,
    first_borda_order,
    first_kemeny_order,
    supporters,
)
from rlchf.rules.across._parts.perpetual.satisfaction import costs_of_pairs
from rlchf.rules.across._parts.perpetual.weighting import Contested, base_rule, unit_code
from rlchf.ties import strict_order


@voting_rule(
    kind="across prompts",
    cost="K M^2 + the base rule",
    axioms=["anonymity", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def phragmen_credit(
    rankings: Rankings,
    *,
    base: str = "kemeny",
    unit: Contested = "graded_pair",
    order: Order = "input",
    seed: int = 0,
    frozen: Aggregation | None = None,
) -> Aggregation:
    """Rank by credit: annotators earn a share of each contested pair and pay for those they agree with.

    A pair of responses is contested if one ballot ranks it one way and another ballot the other way. It
    counts g = min(1, (10 s)^2), with s its smaller side's share of the weight of all ballots: in full where
    a tenth dissents, and 0.04 where one annotator of 50 does. Each contested pair of a prompt brings an
    income of g, divided among the annotators present in proportion to their weights. Then the base rule
    ranks the responses. The weight of a ballot is its annotator's balance, or 0 if that is negative; if no
    balance is positive, ballots keep their weights. Ties of the base rule are broken by the order of the
    responses. For each contested pair, the annotators who agree with the outcome pay g together, in
    proportion to their weights, and go into debt if need be. So the balances add up to 0.

    Other pairs bring no income and cost nothing. If they did cost something, the savings of a minority
    would be used up by what all agree on. If they brought an income before the ballots are weighed, a small
    group would decide only after it has missed half of all pairs of a prompt.

    Take Kemeny's rule and two groups, each with the same strict ballots of all responses, all always
    present: the group with the higher balance decides all contested pairs. So after every prompt the number
    of contested pairs, each counted g, that a group has won differs from its share by at most half of the
    largest number of contested pairs on one prompt (the proof is below, before the parameters).

    If the groups differ in their favourite, all prompts with contested pairs have the same number of them,
    and the groups never have exactly the same to spend, the number of first places differs from the group's
    share by at most 1/2, whatever unanimous pairs and prompts there are in between. They can have the same
    if the smaller group's share of the weight, as a reduced fraction, has an even denominator. Then the
    order of the responses decides each pair for itself, and a group can win its share of the pairs and no
    first place.

    If 10 of 100 annotators, 40 of whom are in the minority, are drawn for each prompt, the minority still
    gets 0.40 of the first places, within 0.01 over 600 prompts; that is observed, not proved. The shares
    are no longer exact where the members of a group differ: with random swaps on the ballots of two
    opposite groups of 6 and 4, the minority gets about a third of the first places, while it agrees with
    more than its share of the contested pairs. With a base that compromises, such as Borda's rule, nothing
    is proved. Nor is it for three or more groups, which can fall short by more and more: those who agree
    with a pair pay for it by weight, also those in debt, who had no say in it.

    The balances of annotators who come and go change only on prompts on which they are present. A ballot
    that ties a contested pair or does not rank both pays nothing for it. An annotator's ballots on a prompt
    share its balance in proportion to their weights.

    Proof of the bound for two groups. Let a prompt have c contested pairs. Let one group have the balance x
    before it and a share s of the weight; the balance of the others is -x. The group decides if
    x + s c > c - s c - x. If it decides, its balance afterwards is above -c/2; if it does not, at most c/2.
    If the two sides are equal, its balance is c/2 minus the pairs that it wins.

    Parameters
    ----------
    base
        The rule that ranks each prompt; it has to be one that looks at one prompt at a time. With
        ``kemeny`` and ``borda`` the loop is compiled (with ``kemeny`` up to 10 responses to a prompt).
    unit
        "graded_pair": a contested pair brings and costs g = min(1, (10 s)^2), with s its smaller side's
        share of the weight of all ballots. "contested_pair": each brings and costs 1.
    order, seed
        Decide the prompts in the order of the input ("input"), or "shuffled" with a seed.
    frozen
        An earlier output of the rule: its rankings stay as they are, and the balances that they lead to are
        carried on to the other prompts.

    Returns
    -------
    Aggregation, with scores M - 1 (first) to 0 (last): strict orders.

    References
    ----------
    The rule is defined in this package and in no paper: cite rlchf (docs/project/citing.md). The idea that
    voters pay for what is elected out of an income is that of E. Phragmén, "Till frågan om en proportionell
    valmetod", 1899.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = phragmen_credit(Rankings.from_ballots(ballots))
    >>> [result.ranking(p)[0] for p in range(5)]
    [['plain'], ['emoji'], ['plain'], ['emoji'], ['plain']]
    """
    rule, code = base_rule(base), unit_code(unit)
    layout = lay_out(rankings, order, seed, frozen)
    balances = layout.account()
    if base == "borda" or (base == "kemeny" and layout.sizes.max() <= MOST_FOR_SUBSETS):
        scores = run(_decide_by_credit, layout, balances, base == "borda", code)
    else:
        scores = _decide_by_rule(layout, rule, balances, code)
    return as_aggregation(
        rankings, scores, "phragmen_credit", base=base, unit=unit, order=order, seed=seed
    )


def _decide_by_rule(layout: Layout, rule: Rule, balances: np.ndarray, unit: int) -> np.ndarray:
    """The (R,) scores with any rule that looks at one prompt at a time."""
    rankings, accounts = layout.rankings, Accounts(balances, np.zeros(len(balances)))
    scores = np.empty(len(rankings.response_ids))
    for p in layout.prompts.tolist():
        batch = rankings.batch(np.array([p]))
        shares, who = shares_of(batch.weights), batch.annotators
        ranks = batch.ranks.T.copy()
        contested = costs_of_pairs(unit, ranks, shares, supporters(ranks, shares))
        money = _earn(shares, who, accounts, contested.sum() / 2.0)
        order = layout.frozen_order(p)
        if order is None:
            order = strict_order(rule, batch.reweighted(_ballot_weights(shares, money)))[0]
        scores[rankings.response_starts[p] + order] = np.arange(len(order) - 1, -1, -1)
        _charge(ranks, shares, contested, money, order)
        collect(money, shares, who, balances)
    return scores


@njit(cache=True, nogil=True)
def _decide_by_credit(
    block: Block, accounts: Accounts, scores: np.ndarray, by_borda: bool, unit: int
) -> None:
    """Rank prompt after prompt into ``scores`` (R,) by Borda's rule or Kemeny's, weighed by balances."""
    for t in range(len(block.prompts)):
        ballots = ballots_of(block, t)
        M = ballots.ranks.shape[1]
        shares, who = shares_of(ballots.weights), ballots.annotators
        support = supporters(ballots.ranks, shares)
        contested = costs_of_pairs(unit, ballots.ranks, shares, support)
        money = _earn(shares, who, accounts, contested.sum() / 2.0)
        above = count_above(ballots.ranks, _ballot_weights(shares, money))
        order = np.empty(M, dtype=np.int64)
        if not take_frozen(block, t, order):
            if by_borda:
                first_borda_order(above, order)
            else:
                first_kemeny_order(above, order)
        write_order(block, t, order, scores)
        _charge(ballots.ranks, shares, contested, money, order)
        collect(money, shares, who, accounts.budgets)


@njit(cache=True, nogil=True)
def _earn(
    shares: np.ndarray, annotators: np.ndarray, accounts: Accounts, pairs: float
) -> np.ndarray:
    """(V,) each ballot's part of its annotator's balance, and of the income from the contested pairs."""
    money: np.ndarray = split(shares, annotators, accounts)
    for k in range(len(shares)):
        money[k] = add(money[k], shares[k] * pairs)
    return money


@njit(cache=True, nogil=True)
def _ballot_weights(shares: np.ndarray, money: np.ndarray) -> np.ndarray:
    """(V,) the weight of each ballot: its balance if positive, otherwise 0; its share if none is positive."""
    positive = np.zeros(len(money))
    for k in range(len(money)):
        positive[k] = max(money[k], 0.0)
    return positive if positive.any() else shares


@njit(cache=True, nogil=True)
def _charge(
    ranks: np.ndarray,
    shares: np.ndarray,
    contested: np.ndarray,
    money: np.ndarray,
    order: np.ndarray,
) -> None:
    """Let the ballots that agree with a contested pair of the order pay for it, by weight."""
    V, M = ranks.shape
    owed = np.zeros(V)
    for a in range(M):
        for b in range(a + 1, M):
            i, j = order[a], order[b]
            if contested[i, j] == 0.0:
                continue
            agreed = 0.0
            for k in range(V):
                if 0 < ranks[k, i] < ranks[k, j]:
                    agreed += shares[k]
            for k in range(V):
                if 0 < ranks[k, i] < ranks[k, j]:
                    owed[k] += contested[i, j] * shares[k] / agreed
    for k in range(V):
        money[k] = add(money[k], -owed[k])
