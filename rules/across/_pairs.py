"""Buying pairs of responses, one after the other: what equal shares and Phragmén over pairs share.

On a prompt ``before[i, j]`` says that i is bound to come before j. ``wallet`` (V,) holds a ballot's
budget or, with ``by_load``, its load.
"""

import numpy as np
from numba import njit

from rlchf.rules.across._budgets import collect, opposition, settled, shares_of, split
from rlchf.rules.across._orders import MOST, NEARLY, count_above, first_kemeny_order


@njit(cache=True, nogil=True)
def buy_pairs(
    prompts: np.ndarray, sizes: np.ndarray, ballots: np.ndarray, cells: np.ndarray,
    ranks: np.ndarray, weights: np.ndarray, annotators: np.ndarray, responses: np.ndarray,
    carried: np.ndarray, here: np.ndarray, scores: np.ndarray, by_load: bool,
) -> None:  # fmt: skip
    """Rank prompt after prompt by buying contested pairs out of what is carried over."""
    for t, p in enumerate(prompts):
        begin, end, M = ballots[p], ballots[p + 1], sizes[p]
        V = end - begin
        places = ranks[cells[t] : cells[t] + V * M].reshape(V, M)
        shares, who = shares_of(weights[begin:end]), annotators[begin:end]
        above = opposition(places, shares)
        contested = 0
        for i in range(M):
            for j in range(i):
                contested += above[i, j] > 0 and above[j, i] > 0
        before = _uncontested(above)
        wallet = carried[who] if by_load else split(shares, who, carried, here)
        for k in range(V):
            wallet[k] = settled(wallet[k], contested * (-1.0 if by_load else shares[k]))
        _buy(places, shares, wallet, above, before, by_load)
        order = _completed(places, shares, before)
        rest = np.zeros((M, M), dtype=np.bool_)
        for place in range(M):
            for later in range(place + 1, M):
                rest[order[place], order[later]] = not before[order[place], order[later]]
        _charge(places, shares, wallet, above, rest, by_load)
        if by_load:
            _collect_loads(wallet, shares, who, carried, here)
        else:
            collect(wallet, shares, who, carried)
        for place in range(M):
            scores[responses[p] + order[place]] = M - 1 - place


@njit(cache=True, nogil=True)
def _uncontested(above: np.ndarray) -> np.ndarray:
    """Bind the pairs that nobody contests: those that all rank first, then in the responses' order."""
    M = len(above)
    before = np.zeros((M, M), dtype=np.bool_)
    for demanded in (2, 1):
        for i in range(M):
            for j in range(M):
                bound = before[j, i] or before[i, j]
                if above[i, j] == demanded and above[j, i] == 0 and not bound:
                    _bind(before, i, j)
    return before


@njit(cache=True, nogil=True)
def _bind(before: np.ndarray, i: int, j: int) -> np.ndarray:
    """Put i before j, and all that follows from it; the (M, M) pairs that are new."""
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
def _buy(
    ranks: np.ndarray, shares: np.ndarray, wallet: np.ndarray, above: np.ndarray,
    before: np.ndarray, by_load: bool,
) -> None:  # fmt: skip
    """Buy until nothing is left that can be afforded; prices only rise, so old ones are lower bounds."""
    M = len(before)
    prices = np.full((M, M), -np.inf)  # lower bounds; the ones that are ``exact`` are the prices
    exact = np.zeros((M, M), dtype=np.bool_)
    while True:
        a, b, cheapest = -1, -1, 1e300  # what nobody can afford costs more
        for i in range(M):
            for j in range(M):
                contested = above[i, j] > 0 and above[j, i] > 0
                cheaper = prices[i, j] < cheapest - NEARLY * max(1.0, abs(cheapest))
                if contested and cheaper and not before[i, j] and not before[j, i]:
                    a, b, cheapest = i, j, prices[i, j]
        if a < 0:
            return
        if not exact[a, b]:
            prices[a, b] = _price(ranks, shares, wallet, a, b, by_load)
            exact[a, b] = True
            continue
        new = _bind(before, a, b)
        new[a, b] = False
        _pay(ranks, shares, wallet, a, b, prices[a, b], by_load)
        _charge(ranks, shares, wallet, above, new, by_load)
        exact[:] = False


@njit(cache=True, nogil=True)
def _agrees(ranks: np.ndarray, k: int, i: int, j: int) -> bool:
    return bool(0 < ranks[k, i] < ranks[k, j])


@njit(cache=True, nogil=True)
def _price(
    ranks: np.ndarray, shares: np.ndarray, wallet: np.ndarray, i: int, j: int, by_load: bool
) -> float:
    """The least level at which those who rank i above j pay 1 together; infinite if they cannot.

    Budgets: ballot k pays min(budget, share x level). Loads: share x max(0, level - load).
    """
    total, weight = 0.0, 0.0
    for k in range(len(shares)):
        if shares[k] > 0.0 and _agrees(ranks, k, i, j):
            total += shares[k] * wallet[k] if by_load else max(wallet[k], 0.0)
            weight += shares[k]
    if not by_load and total < 1.0 - NEARLY:
        return np.inf
    level = (1.0 + total) / weight if by_load else 1.0 / weight
    while True:  # who takes part in full at one level and not at the next never does again
        missing, weight = 1.0, 0.0
        for k in range(len(shares)):
            if shares[k] > 0.0 and _agrees(ranks, k, i, j):
                if by_load:
                    if wallet[k] < level:
                        missing += shares[k] * wallet[k]
                        weight += shares[k]
                elif wallet[k] > shares[k] * level:
                    weight += shares[k]
                else:
                    missing -= max(wallet[k], 0.0)
        if weight == 0.0:
            return level
        found = missing / weight
        if (found >= level) if by_load else (found <= level):
            return level
        level = found


@njit(cache=True, nogil=True)
def _pay(
    ranks: np.ndarray, shares: np.ndarray, wallet: np.ndarray, i: int, j: int, level: float,
    by_load: bool,
) -> None:  # fmt: skip
    """Let those who rank i above j pay at a level; all they have, and debts by weight, if infinite."""
    missing, agreed = 1.0, 0.0
    for k in range(len(shares)):
        if shares[k] > 0.0 and _agrees(ranks, k, i, j):
            agreed += shares[k]
            if by_load:
                wallet[k] = max(wallet[k], level)
            elif wallet[k] > 0.0:
                paid = min(wallet[k], shares[k] * level)
                missing -= paid
                wallet[k] = settled(wallet[k], -paid)
    if level == np.inf:
        for k in range(len(shares)):
            if shares[k] > 0.0 and _agrees(ranks, k, i, j):
                wallet[k] -= missing * (shares[k] / agreed)


@njit(cache=True, nogil=True)
def _charge(
    ranks: np.ndarray, shares: np.ndarray, wallet: np.ndarray, above: np.ndarray,
    decided: np.ndarray, by_load: bool,
) -> None:  # fmt: skip
    """Let those who agree pay for each contested pair that is decided without having been bought."""
    for i in range(len(above)):
        for j in range(len(above)):
            if decided[i, j] and above[i, j] > 0 and above[j, i] > 0:
                price = _price(ranks, shares, wallet, i, j, by_load)
                _pay(ranks, shares, wallet, i, j, price, by_load)


@njit(cache=True, nogil=True)
def _collect_loads(
    loads: np.ndarray, shares: np.ndarray, annotators: np.ndarray, carried: np.ndarray,
    here: np.ndarray,
) -> None:  # fmt: skip
    """An annotator's load is the mean of its ballots' loads by weight."""
    for k in range(len(shares)):
        here[annotators[k]] += shares[k]
    for k in range(len(shares)):
        if shares[k] > 0.0:
            carried[annotators[k]] = 0.0
    for k in range(len(shares)):
        if shares[k] > 0.0:
            carried[annotators[k]] += loads[k] * (shares[k] / here[annotators[k]])
    for k in range(len(shares)):
        here[annotators[k]] = 0.0


@njit(cache=True, nogil=True)
def _completed(ranks: np.ndarray, shares: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The first Kemeny order, by Borda scores for more than `MOST` responses, that keeps ``before``."""
    M = len(before)
    order = np.empty(M, dtype=np.int64)
    followers = before.sum(axis=1)
    if before.sum() == M * (M - 1) // 2:
        for i in range(M):
            order[M - 1 - followers[i]] = i
        return order
    above = np.zeros((M, M))
    count_above(ranks, shares, above)
    if M <= MOST:
        for i in range(M):
            for j in range(M):
                if before[i, j]:
                    above[i, j] += M * M  # more than all else together
        first_kemeny_order(above, M, order)
        return order
    scores = above.sum(axis=1) - above.sum(axis=0)
    left = np.ones(M, dtype=np.bool_)
    for place in range(M):
        chosen = -1
        for i in range(M):
            higher = chosen < 0 or scores[i] > scores[chosen] + NEARLY * M
            if left[i] and higher and not (before[:, i] & left).any():
                chosen = i
        order[place] = chosen
        left[chosen] = False
    return order
