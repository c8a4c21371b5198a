"""Compiled: pairs of responses bought one after the other, for equal shares and Phragmén over pairs."""

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
from rlchf.rules.across._parts.orders import (
    ALL,
    MOST_FOR_SUBSETS,
    NEARLY,
    SOME,
    count_above,
    first_kemeny_order,
    supporters,
)
from rlchf.rules.across._parts.perpetual.satisfaction import costs_of_pairs

MOST_FOR_PURCHASES = 128
"""The largest number of responses for which pairs are bought."""


class Buyers(NamedTuple):
    """The ballots of a prompt as buyers of pairs.

    Attributes
    ----------
    ranks
        (M, V), one row per response.
    shares
        (V,) each ballot's share of the weight.
    wallet
        (V,) its budget or, with ``by_load``, its load.
    contested
        (M, M) float64, symmetric: what each pair costs, 0 for a pair that is not contested.
    by_load
        Whether ballots carry loads (Phragmén) or spend budgets (equal shares).
    """

    ranks: np.ndarray
    shares: np.ndarray
    wallet: np.ndarray
    contested: np.ndarray
    by_load: bool


@njit(cache=True, nogil=True)
def buy_pairs(
    block: Block, accounts: Accounts, scores: np.ndarray, by_load: bool, unit: int
) -> None:
    """Rank prompt after prompt into ``scores`` (R,) by buying contested pairs out of the accounts.

    ``unit`` says what each pair costs.
    """
    for t in range(len(block.prompts)):
        ballots = ballots_of(block, t)
        M = ballots.ranks.shape[1]
        shares, who = shares_of(ballots.weights), ballots.annotators
        support = supporters(ballots.ranks, shares)
        contested = costs_of_pairs(unit, ballots.ranks, shares, support)
        n = contested.sum() / 2.0
        before = uncontested_order(support)
        wallet = accounts.budgets[who] if by_load else split(shares, who, accounts)
        for k in range(len(shares)):
            wallet[k] = add(wallet[k], n * (-1.0 if by_load else shares[k]))
        buyers = Buyers(np.ascontiguousarray(ballots.ranks.T), shares, wallet, contested, by_load)
        order, allowed = np.empty(M, dtype=np.int64), np.ones((M, M), dtype=np.bool_)
        is_frozen = take_frozen(block, t, order)
        if is_frozen:
            allowed = pairs_in(order)
            before &= allowed  # both transitive, so this is
        if M <= MOST_FOR_PURCHASES:
            buy(buyers, before, allowed)
        if not is_frozen:
            order = completed_order(ballots.ranks, shares, before)
        unpaid = np.zeros((M, M), dtype=np.bool_)
        for a in range(M):
            for b in range(a + 1, M):
                unpaid[order[a], order[b]] = not before[order[a], order[b]]
        charge(buyers, unpaid)
        if by_load:
            collect_loads(wallet, shares, who, accounts)
        else:
            collect(wallet, shares, who, accounts.budgets)
        write_order(block, t, order, scores)


@njit(cache=True, nogil=True)
def uncontested_order(support: np.ndarray) -> np.ndarray:
    """(M, M) bool, transitive: uncontested pairs require i before j.

    The unanimous pairs come first, then the others in the order of the responses.
    """
    M = len(support)
    before: np.ndarray = support == ALL  # transitive as it is
    for i in range(M):
        for j in range(M):
            bound = before[i, j] or before[j, i]
            if support[i, j] == SOME and support[j, i] == 0 and not bound:
                for a in range(M):
                    if (a == i or before[a, i]) and not before[a, j]:
                        before[a] |= before[j]  # otherwise this already holds
                        before[a, j] = True
    return before


@njit(cache=True, nogil=True)
def bind(before: np.ndarray, i: int, j: int) -> np.ndarray:
    """Put i before j with all consequences; return the (M, M) pairs that are new."""
    M = len(before)
    new = np.zeros((M, M), dtype=np.bool_)
    for a in range(M):
        if a == i or before[a, i]:
            for b in range(M):
                if (b == j or before[j, b]) and not before[a, b]:
                    new[a, b] = True
    before |= new
    return new


@njit(cache=True, nogil=True)
def pairs_in(order: np.ndarray) -> np.ndarray:
    """(M, M) bool: an order puts i before j."""
    M = len(order)
    before = np.zeros((M, M), dtype=np.bool_)
    for a in range(M):
        for b in range(a + 1, M):
            before[order[a], order[b]] = True
    return before


@njit(cache=True, nogil=True)
def buy(buyers: Buyers, before: np.ndarray, allowed: np.ndarray) -> None:
    """Buy the cheapest of the (M, M) ``allowed`` pairs until no pair can be afforded.

    Prices only rise, so old ones are lower bounds.
    """
    M = len(before)
    prices = np.full((M, M), -np.inf)  # lower bounds; those that are ``exact`` are the prices
    exact = np.zeros((M, M), dtype=np.bool_)
    row_bounds = np.full(M, -np.inf)
    for i in range(M):
        for j in range(M):
            if buyers.contested[i, j] == 0.0 or not allowed[i, j]:
                prices[i, j] = np.inf
    while True:
        a, b, cheapest = -1, -1, 1e300  # a pair that nobody can afford costs more
        for i in range(M):
            if row_bounds[i] >= cheapest - NEARLY * max(1.0, abs(cheapest)):
                continue
            row_bounds[i] = np.inf
            for j in range(M):
                if not before[i, j] and not before[j, i]:
                    row_bounds[i] = min(row_bounds[i], prices[i, j])
                    if prices[i, j] < cheapest - NEARLY * max(1.0, abs(cheapest)):
                        a, b, cheapest = i, j, prices[i, j]
        if a < 0:
            return
        if not exact[a, b]:
            prices[a, b] = price_of(buyers, a, b)
            exact[a, b] = True
            continue
        new = bind(before, a, b)
        new[a, b] = False
        pay(buyers, a, b, prices[a, b])
        charge(buyers, new)
        exact[:] = False


@njit(cache=True, nogil=True)
def agrees(ranks: np.ndarray, k: int, i: int, j: int) -> bool:
    """Whether ballot k ranks i above j, from (M, V) ranks."""
    return bool(0 < ranks[i, k] < ranks[j, k])


@njit(cache=True, nogil=True)
def price_of(buyers: Buyers, i: int, j: int) -> float:
    """The least level at which the ballots that rank i above j pay its cost; infinite if they cannot.

    Budgets: ballot k pays min(budget, share x level x cost). Loads: share x max(0, level - load).
    """
    ranks, shares, wallet, contested, by_load = buyers
    cost = contested[i, j]
    total, weight = 0.0, 0.0
    for k in range(len(shares)):
        if shares[k] > 0.0 and agrees(ranks, k, i, j):
            total += shares[k] * wallet[k] if by_load else max(wallet[k], 0.0)
            weight += shares[k]
    if not by_load and total < cost * (1.0 - NEARLY):
        return np.inf
    level = (cost + total) / weight if by_load else 1.0 / weight
    while True:  # a ballot that no longer pays in full never does again
        missing, weight = cost, 0.0
        for k in range(len(shares)):
            if shares[k] > 0.0 and agrees(ranks, k, i, j):
                if by_load:
                    if wallet[k] < level:
                        missing += shares[k] * wallet[k]
                        weight += shares[k]
                elif wallet[k] > shares[k] * level * cost:
                    weight += shares[k]
                else:
                    missing -= max(wallet[k], 0.0)
        if weight == 0.0:
            return level
        next_level = missing / weight if by_load else missing / (weight * cost)
        if (next_level >= level) if by_load else (next_level <= level):
            return level
        level = next_level


@njit(cache=True, nogil=True)
def pay(buyers: Buyers, i: int, j: int, level: float) -> None:
    """Let the ballots that rank i above j pay at a level.

    If the level is infinite they pay all they have, and owe the rest by weight.
    """
    ranks, shares, wallet, contested, by_load = buyers
    cost = contested[i, j]
    missing, agreed = cost, 0.0
    for k in range(len(shares)):
        if shares[k] > 0.0 and agrees(ranks, k, i, j):
            agreed += shares[k]
            if by_load:
                wallet[k] = max(wallet[k], level)
            elif wallet[k] > 0.0:
                paid = min(wallet[k], shares[k] * level * cost)
                missing -= paid
                wallet[k] = add(wallet[k], -paid)
    if level == np.inf:
        for k in range(len(shares)):
            if shares[k] > 0.0 and agrees(ranks, k, i, j):
                wallet[k] -= missing * (shares[k] / agreed)


@njit(cache=True, nogil=True)
def charge(buyers: Buyers, decided: np.ndarray) -> None:
    """Let the ballots that agree pay for each contested pair in (M, M) ``decided`` that was not bought."""
    contested = buyers.contested
    for i in range(len(decided)):
        for j in range(len(decided)):
            if decided[i, j] and contested[i, j] > 0.0:
                pay(buyers, i, j, price_of(buyers, i, j))


@njit(cache=True, nogil=True)
def collect_loads(
    loads: np.ndarray, shares: np.ndarray, annotators: np.ndarray, accounts: Accounts
) -> None:
    """Give each annotator the mean of its ballots' loads by weight."""
    carried, totals = accounts.budgets, accounts.zeros
    for k in range(len(shares)):
        totals[annotators[k]] += shares[k]
    for k in range(len(shares)):
        if shares[k] > 0.0:
            carried[annotators[k]] = 0.0
    for k in range(len(shares)):
        if shares[k] > 0.0:
            carried[annotators[k]] += loads[k] * (shares[k] / totals[annotators[k]])
    for k in range(len(shares)):
        totals[annotators[k]] = 0.0


@njit(cache=True, nogil=True)
def completed_order(ranks: np.ndarray, shares: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The first Kemeny order that keeps ``before``; by Borda scores beyond `MOST_FOR_SUBSETS` responses."""
    M = len(before)
    order = np.empty(M, dtype=np.int64)
    followers = before.sum(axis=1)
    if before.sum() == M * (M - 1) // 2:
        for i in range(M):
            order[M - 1 - followers[i]] = i
        return order
    above = count_above(ranks, shares)
    if M <= MOST_FOR_SUBSETS:
        for i in range(M):
            for j in range(M):
                if before[i, j]:
                    above[i, j] += M * M  # more than all ballots together
        first_kemeny_order(above, order)
        return order
    scores = above.sum(axis=1) - above.sum(axis=0)
    unplaced = np.ones(M, dtype=np.bool_)
    waiting_for = before.sum(axis=0)  # the number of unplaced responses required before
    for rank in range(M):
        chosen = -1
        for i in range(M):
            higher = chosen < 0 or scores[i] > scores[chosen] + NEARLY * M
            if unplaced[i] and higher and waiting_for[i] == 0:
                chosen = i
        order[rank] = chosen
        unplaced[chosen] = False
        waiting_for -= before[chosen]
    return order
