"""Compiled: proportional sequential Borda over prompts, with budgets that carry over."""

from typing import NamedTuple

import numpy as np
from numba import njit

from rlchf.rules.across._parts.budgets import Accounts, add, collect, shares_of, split
from rlchf.rules.across._parts.layout import (
    Block,
    ballots_of,
    take_frozen,
    write_order,
)
from rlchf.rules.across._parts.orders import ALL, NEARLY, SOME, supporters
from rlchf.rules.across._parts.perpetual.satisfaction import PAIR, costs_of_pairs


class Pairs(NamedTuple):
    """The pairs of a prompt.

    Attributes
    ----------
    support
        (M, M) from `supporters`.
    counted
        (M, M) float64, symmetric: what each pair costs.
    contested_only
        Whether only contested pairs cost something; otherwise all pairs cost 1.
    """

    support: np.ndarray
    counted: np.ndarray
    contested_only: bool


@njit(cache=True, nogil=True)
def carry_over(block: Block, accounts: Accounts, scores: np.ndarray, unit: int) -> None:
    """Rank prompt after prompt into ``scores`` (R,); ``unit`` says what each pair costs."""
    for t in range(len(block.prompts)):
        ballots = ballots_of(block, t)
        V, M = ballots.ranks.shape
        shares, who = shares_of(ballots.weights), ballots.annotators
        support = supporters(ballots.ranks, shares)
        counted = costs_of_pairs(unit, ballots.ranks, shares, support)
        income = counted.sum() / 2.0
        money = split(shares, who, accounts)
        for k in range(V):
            money[k] = add(money[k], shares[k] * income)
        pairs = Pairs(support, counted, unit != PAIR)
        order = np.full(M, -1, dtype=np.int64)
        take_frozen(block, t, order)
        fill_order(ballots.ranks, shares, money, pairs, order)
        write_order(block, t, order, scores)
        collect(money, shares, who, accounts.budgets)


@njit(cache=True, nogil=True)
def fill_order(
    ranks: np.ndarray, shares: np.ndarray, money: np.ndarray, pairs: Pairs, order: np.ndarray
) -> None:
    """Fill ``order`` (M,), unless it is frozen; the ballots pay for it out of ``money``."""
    V, M = ranks.shape
    is_frozen = order[0] >= 0
    unplaced = np.ones(M, dtype=np.bool_)
    price = np.zeros(M)  # of the pairs with other unplaced responses
    wins = np.zeros((V, M))  # of those of them that the ballot wins
    for i in range(M):
        for j in range(M):
            cost = pairs.counted[i, j]
            if cost > 0.0:
                price[i] += cost
                for k in range(V):
                    if 0 < ranks[k, i] < ranks[k, j]:
                        wins[k, i] += cost
    for rank in range(M):
        if is_frozen:
            x = order[rank]
        else:
            allowed = may_be_next(pairs.support, unplaced) if pairs.contested_only else unplaced
            x = highest_bid(price, wins, allowed, money, shares)
        if price[x] > 0.0:
            pay(price[x], wins[:, x], money, shares)
        order[rank] = x
        unplaced[x] = False
        for i in range(M):
            cost = pairs.counted[i, x]
            if unplaced[i] and cost > 0.0:
                price[i] -= cost  # exact, as all of them are multiples of `GRADE`
                for k in range(V):
                    if 0 < ranks[k, i] < ranks[k, x]:
                        wins[k, i] -= cost


@njit(cache=True, nogil=True)
def may_be_next(support: np.ndarray, unplaced: np.ndarray) -> np.ndarray:
    """(M,) bool: the unplaced responses that no other is above on some ballots and below on none.

    If there are none of these, those that no other is above on all ballots.
    """
    M = len(unplaced)
    allowed = np.zeros(M, dtype=np.bool_)
    for needed in (SOME, ALL):
        any_allowed = False
        for x in range(M):
            if unplaced[x]:
                beaten = False
                for y in range(M):
                    if unplaced[y] and support[y, x] >= needed and support[x, y] == 0:
                        beaten = True
                        break
                allowed[x] = not beaten
                any_allowed |= allowed[x]
        if any_allowed:
            break
    return allowed


@njit(cache=True, nogil=True)
def highest_bid(
    price: np.ndarray, wins: np.ndarray, allowed: np.ndarray, money: np.ndarray, shares: np.ndarray
) -> int:
    """The response whose supporters have the most money per pair.

    A response that costs nothing comes first. If no supporters have money, the weights decide.
    """
    V, M = wins.shape
    for x in range(M):
        if allowed[x] and price[x] == 0.0:
            return x
    best = -1
    for by_weight in (False, True):
        all_money = 0.0
        for k in range(V):
            all_money += shares[k] if by_weight else max(money[k], 0.0)
        best, best_bid = -1, 0.0
        for x in range(M):
            if allowed[x]:
                bid = 0.0
                for k in range(V):
                    bid += (shares[k] if by_weight else max(money[k], 0.0)) * wins[k, x]
                bid /= price[x]
                if best < 0 or bid > best_bid + NEARLY * all_money:
                    best, best_bid = x, bid
        if best_bid > 0.0:
            break
    return best


@njit(cache=True, nogil=True)
def pay(price: float, wins: np.ndarray, money: np.ndarray, shares: np.ndarray) -> None:
    """Ballots pay in proportion to their money and to the pairs they win; by weight if none has money."""
    V = len(wins)
    paying = np.empty(V)
    for k in range(V):
        paying[k] = max(money[k], 0.0) * wins[k]
    if paying.sum() <= 0.0:
        paying = shares * wins
    if paying.sum() <= 0.0:
        paying = shares.copy()
    total = paying.sum()
    if total > 0.0:
        for k in range(V):
            if paying[k] > 0.0:
                money[k] = add(money[k], -price * (paying[k] / total))
