"""Budgets that annotators carry from prompt to prompt: what rules with carried-over budgets share.

On a prompt the ballots of positive weight count, and ballot k has the share v_k of their weight. An
annotator with several of them splits its budget in proportion to their weights, and collects what is
left. The functions for one prompt work on ``shares`` (V,), the v_k, 0 for a ballot that does not count,
and ``money`` (V,).
"""

from collections.abc import Callable

import numpy as np
from numba import njit

from rlchf.rules.across._parts.layout import Sequence
from rlchf.rules.across._parts.orders import NEARLY

NOTHING = 1e-10
"""A sum this much smaller than its larger term is rounding, and counts as 0."""


def run(
    kernel: Callable[..., None], laid: Sequence, budgets: np.ndarray, *options: object
) -> np.ndarray:
    """The (R,) scores that a compiled loop gives all responses; it changes the (A,) ``budgets``."""
    scores = np.empty(int(laid.responses[-1]))
    here = np.zeros(laid.n_annotators)
    for prompts, cells, ranks in laid.blocks():
        kernel(
            prompts, laid.sizes, laid.ballots, cells, ranks, laid.weights, laid.annotators,
            laid.responses, budgets, here, scores, *options,
        )  # fmt: skip
    return scores


@njit(cache=True, nogil=True)
def settled(x: float, y: float) -> float:
    """x + y, and 0 where that is rounding."""
    total = x + y
    return 0.0 if abs(total) <= NOTHING * max(abs(x), abs(y)) else total


@njit(cache=True, nogil=True)
def shares_of(weights: np.ndarray) -> np.ndarray:
    """(V,) each ballot's share of the prompt's weight; all 0 if none has any."""
    top = 0.0
    for w in weights:
        top = max(top, w)
    if top == 0.0:
        return np.zeros(len(weights))
    scaled: np.ndarray = weights / top
    scaled /= scaled.sum()
    return scaled


@njit(cache=True, nogil=True)
def split(
    shares: np.ndarray, annotators: np.ndarray, budgets: np.ndarray, here: np.ndarray
) -> np.ndarray:
    """(V,) each ballot's part of its annotator's budget; (A,) ``here`` is zero before and after."""
    money = np.zeros(len(shares))
    for k in range(len(shares)):
        here[annotators[k]] += shares[k]
    for k in range(len(shares)):
        if shares[k] > 0.0:
            money[k] = budgets[annotators[k]] * (shares[k] / here[annotators[k]])
    for k in range(len(shares)):
        here[annotators[k]] = 0.0
    return money


@njit(cache=True, nogil=True)
def collect(
    money: np.ndarray, shares: np.ndarray, annotators: np.ndarray, budgets: np.ndarray
) -> None:
    """Give the annotators back what their ballots have left."""
    for k in range(len(shares)):
        if shares[k] > 0.0:
            budgets[annotators[k]] = 0.0
    for k in range(len(shares)):
        if shares[k] > 0.0:
            budgets[annotators[k]] = settled(budgets[annotators[k]], money[k])


@njit(cache=True, nogil=True)
def opposition(ranks: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(M, M) int8: 2 if all ballots that count rank i above j, else 1 if any does, else 0."""
    V, M = ranks.shape
    above, votes = np.zeros((M, M), dtype=np.int64), 0
    for k in range(V):
        if shares[k] > 0.0:
            votes += 1
            for i in range(M):
                if ranks[k, i] > 0:
                    for j in range(M):
                        above[i, j] += ranks[k, i] < ranks[k, j]
    found = np.zeros((M, M), dtype=np.int8)
    for i in range(M):
        for j in range(M):
            found[i, j] = 0 if above[i, j] == 0 else 2 if above[i, j] == votes else 1
    return found


@njit(cache=True, nogil=True)
def carry_over(
    prompts: np.ndarray, sizes: np.ndarray, ballots: np.ndarray, cells: np.ndarray,
    ranks: np.ndarray, weights: np.ndarray, annotators: np.ndarray, responses: np.ndarray,
    budgets: np.ndarray, here: np.ndarray, scores: np.ndarray, contested_only: bool,
) -> None:  # fmt: skip
    """Proportional sequential Borda over prompts, with pairs that count: the contested or all."""
    for t, p in enumerate(prompts):
        begin, end, M = ballots[p], ballots[p + 1], sizes[p]
        V = end - begin
        places = ranks[cells[t] : cells[t] + V * M].reshape(V, M)
        shares, who = shares_of(weights[begin:end]), annotators[begin:end]
        above = opposition(places, shares)
        counts = np.zeros((M, M), dtype=np.bool_)  # whether the pair costs anything
        income = 0
        for i in range(M):
            for j in range(M):
                if i != j:
                    counts[i, j] = not contested_only or (above[i, j] > 0 and above[j, i] > 0)
                    income += counts[i, j]
        money = split(shares, who, budgets, here)
        for k in range(V):
            money[k] = settled(money[k], shares[k] * (income // 2))
        order = _sequential(places, shares, money, above, counts, contested_only)
        for place in range(M):
            scores[responses[p] + order[place]] = M - 1 - place
        collect(money, shares, who, budgets)


@njit(cache=True, nogil=True)
def _sequential(
    ranks: np.ndarray, shares: np.ndarray, money: np.ndarray, above: np.ndarray,
    counts: np.ndarray, contested_only: bool,
) -> np.ndarray:  # fmt: skip
    """The order of one prompt; the ballots pay for it out of ``money``."""
    V, M = ranks.shape
    order = np.empty(M, dtype=np.int64)
    left = np.ones(M, dtype=np.bool_)
    price = np.zeros(M, dtype=np.int64)  # pairs with others left that cost something
    below = np.zeros((V, M), dtype=np.int64)  # those of them that the ballot wins
    for i in range(M):
        for j in range(M):
            if counts[i, j]:
                price[i] += 1
                for k in range(V):
                    if 0 < ranks[k, i] < ranks[k, j]:
                        below[k, i] += 1
    for place in range(M):
        able = _able(above, left) if contested_only else left
        x = _dearest(price, below, able, money, shares)
        if price[x] > 0:
            _pay(price[x], below[:, x], money, shares)
        order[place] = x
        left[x] = False
        for i in range(M):
            if left[i] and counts[i, x]:
                price[i] -= 1
                for k in range(V):
                    if 0 < ranks[k, i] < ranks[k, x]:
                        below[k, i] -= 1
    return order


@njit(cache=True, nogil=True)
def _able(above: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Who may come next: not below another left, unopposed; else not below one by all ballots."""
    M = len(left)
    able = np.zeros(M, dtype=np.bool_)
    for demanded in (1, 2):
        some = False
        for x in range(M):
            if left[x]:
                beaten = False
                for y in range(M):
                    if left[y] and above[y, x] >= demanded and above[x, y] == 0:
                        beaten = True
                        break
                able[x] = not beaten
                some |= able[x]
        if some:
            break
    return able


@njit(cache=True, nogil=True)
def _dearest(
    price: np.ndarray, below: np.ndarray, able: np.ndarray, money: np.ndarray, shares: np.ndarray
) -> int:
    """Whom those who rank it high have the most money for, per pair; the weights if nobody has any."""
    V, M = below.shape
    for x in range(M):
        if able[x] and price[x] == 0:
            return x
    best = -1
    for by_weight in (False, True):
        all_money = 0.0
        for k in range(V):
            all_money += shares[k] if by_weight else max(money[k], 0.0)
        best, most = -1, 0.0
        for x in range(M):
            if able[x]:
                bid = 0.0
                for k in range(V):
                    bid += (shares[k] if by_weight else max(money[k], 0.0)) * below[k, x]
                bid /= price[x]
                if best < 0 or bid > most + NEARLY * all_money:
                    best, most = x, bid
        if most > 0.0:
            break
    return best


@njit(cache=True, nogil=True)
def _pay(price: int, below: np.ndarray, money: np.ndarray, shares: np.ndarray) -> None:
    """Who has money pays, in proportion to it and to the pairs won; if nobody has any, by weight."""
    V = len(below)
    paying = np.empty(V)
    for k in range(V):
        paying[k] = max(money[k], 0.0) * below[k]
    if paying.sum() <= 0.0:
        paying = shares * below
    if paying.sum() <= 0.0:
        paying = shares.copy()
    total = paying.sum()
    if total > 0.0:
        for k in range(V):
            if paying[k] > 0.0:
                money[k] = settled(money[k], -price * (paying[k] / total))
