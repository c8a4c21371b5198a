"""Buying pairs of responses, one after the other: what equal shares and Phragmén over pairs share.

On a prompt ``columns`` (M, V) holds the places, and ``before[i, j]`` says that i is bound to come before
j. ``wallet`` (V,) holds a ballot's budget or, with ``by_load``, its load.
"""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.budgets import collect, opposition, settled, shares_of, split
from rlchf.rules.across._parts.orders import MOST, NEARLY, count_above, first_kemeny_order

BOUGHT = 128
"""The largest number of responses of which pairs are bought."""


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
        sides = np.ascontiguousarray(places.T)  # (M, V), to go along one response
        if M <= BOUGHT:
            _buy(sides, shares, wallet, above, before, by_load)
        order = _completed(places, shares, before)
        rest = np.zeros((M, M), dtype=np.bool_)
        for place in range(M):
            for later in range(place + 1, M):
                rest[order[place], order[later]] = not before[order[place], order[later]]
        _charge(sides, shares, wallet, above, rest, by_load)
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
    before: np.ndarray = above == 2  # transitive as it is
    for i in range(M):
        for j in range(M):
            if above[i, j] == 1 and above[j, i] == 0 and not before[j, i] and not before[i, j]:
                for a in range(M):
                    if (a == i or before[a, i]) and not before[
                        a, j
                    ]:  # else it has all that follows
                        before[a] |= before[j]
                        before[a, j] = True
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
    columns: np.ndarray, shares: np.ndarray, wallet: np.ndarray, above: np.ndarray,
    before: np.ndarray, by_load: bool,
) -> None:  # fmt: skip
    """Buy until nothing is left that can be afforded; prices only rise, so old ones are lower bounds."""
    M = len(before)
    prices = np.full((M, M), -np.inf)  # lower bounds; the ones that are ``exact`` are the prices
    exact = np.zeros((M, M), dtype=np.bool_)
    least = np.full(M, -np.inf)  # of each row, or less
    for i in range(M):
        for j in range(M):
            if above[i, j] == 0 or above[j, i] == 0:
                prices[i, j] = np.inf
    while True:
        a, b, cheapest = -1, -1, 1e300  # what nobody can afford costs more
        for i in range(M):
            if least[i] >= cheapest - NEARLY * max(1.0, abs(cheapest)):
                continue
            least[i] = np.inf
            for j in range(M):
                if not before[i, j] and not before[j, i]:
                    least[i] = min(least[i], prices[i, j])
                    if prices[i, j] < cheapest - NEARLY * max(1.0, abs(cheapest)):
                        a, b, cheapest = i, j, prices[i, j]
        if a < 0:
            return
        if not exact[a, b]:
            prices[a, b] = _price(columns, shares, wallet, a, b, by_load)
            exact[a, b] = True
            continue
        new = _bind(before, a, b)
        new[a, b] = False
        _pay(columns, shares, wallet, a, b, prices[a, b], by_load)
        _charge(columns, shares, wallet, above, new, by_load)
        exact[:] = False


@njit(cache=True, nogil=True)
def _agrees(columns: np.ndarray, k: int, i: int, j: int) -> bool:
    return bool(0 < columns[i, k] < columns[j, k])


@njit(cache=True, nogil=True)
def _price(
    columns: np.ndarray, shares: np.ndarray, wallet: np.ndarray, i: int, j: int, by_load: bool
) -> float:
    """The least level at which those who rank i above j pay 1 together; infinite if they cannot.

    Budgets: ballot k pays min(budget, share x level). Loads: share x max(0, level - load).
    """
    total, weight = 0.0, 0.0
    for k in range(len(shares)):
        if shares[k] > 0.0 and _agrees(columns, k, i, j):
            total += shares[k] * wallet[k] if by_load else max(wallet[k], 0.0)
            weight += shares[k]
    if not by_load and total < 1.0 - NEARLY:
        return np.inf
    level = (1.0 + total) / weight if by_load else 1.0 / weight
    while True:  # who takes part in full at one level and not at the next never does again
        missing, weight = 1.0, 0.0
        for k in range(len(shares)):
            if shares[k] > 0.0 and _agrees(columns, k, i, j):
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
    columns: np.ndarray, shares: np.ndarray, wallet: np.ndarray, i: int, j: int, level: float,
    by_load: bool,
) -> None:  # fmt: skip
    """Let those who rank i above j pay at a level; all they have, and debts by weight, if infinite."""
    missing, agreed = 1.0, 0.0
    for k in range(len(shares)):
        if shares[k] > 0.0 and _agrees(columns, k, i, j):
            agreed += shares[k]
            if by_load:
                wallet[k] = max(wallet[k], level)
            elif wallet[k] > 0.0:
                paid = min(wallet[k], shares[k] * level)
                missing -= paid
                wallet[k] = settled(wallet[k], -paid)
    if level == np.inf:
        for k in range(len(shares)):
            if shares[k] > 0.0 and _agrees(columns, k, i, j):
                wallet[k] -= missing * (shares[k] / agreed)


@njit(cache=True, nogil=True)
def _charge(
    columns: np.ndarray, shares: np.ndarray, wallet: np.ndarray, above: np.ndarray,
    decided: np.ndarray, by_load: bool,
) -> None:  # fmt: skip
    """Let those who agree pay for each contested pair that is decided without having been bought."""
    for i in range(len(above)):
        for j in range(len(above)):
            if decided[i, j] and above[i, j] > 0 and above[j, i] > 0:
                price = _price(columns, shares, wallet, i, j, by_load)
                _pay(columns, shares, wallet, i, j, price, by_load)


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
    left, blocked = np.ones(M, dtype=np.bool_), before.sum(axis=0)  # by how many of those left
    for place in range(M):
        chosen = -1
        for i in range(M):
            higher = chosen < 0 or scores[i] > scores[chosen] + NEARLY * M
            if left[i] and higher and blocked[i] == 0:
                chosen = i
        order[place] = chosen
        left[chosen] = False
        blocked -= before[chosen]
    return order
