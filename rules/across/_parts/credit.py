"""The compiled parts of credit accounting: what a ballot may say on a prompt, and who pays for it."""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.budgets import collect, settled, shares_of, split
from rlchf.rules.across._parts.orders import count_above, first_borda_order, first_kemeny_order


@njit(cache=True, nogil=True)
def credit(
    prompts: np.ndarray, sizes: np.ndarray, ballots: np.ndarray, cells: np.ndarray,
    ranks: np.ndarray, weights: np.ndarray, annotators: np.ndarray, responses: np.ndarray,
    budgets: np.ndarray, here: np.ndarray, scores: np.ndarray, by_borda: bool,
) -> None:  # fmt: skip
    """Rank prompt after prompt by Kemeny's or Borda's rule, with the balances as weights."""
    for t, p in enumerate(prompts):
        begin, end, M = ballots[p], ballots[p + 1], sizes[p]
        places = ranks[cells[t] : cells[t] + (end - begin) * M].reshape(end - begin, M)
        shares, who = shares_of(weights[begin:end]), annotators[begin:end]
        money = earned(shares, who, budgets, here, M)
        above, order = np.empty((M, M)), np.empty(M, dtype=np.int64)
        count_above(places, says(shares, money), above)
        if by_borda:
            first_borda_order(above, M, order)
        else:
            first_kemeny_order(above, M, order)
        for place in range(M):
            scores[responses[p] + order[place]] = M - 1 - place
        charge(places, shares, money, order)
        collect(money, shares, who, budgets)


@njit(cache=True, nogil=True)
def earned(
    shares: np.ndarray, annotators: np.ndarray, budgets: np.ndarray, here: np.ndarray, M: int
) -> np.ndarray:
    """(V,) each ballot's part of its annotator's balance, and of the pairs of the prompt."""
    money: np.ndarray = split(shares, annotators, budgets, here)
    for k in range(len(shares)):
        money[k] = settled(money[k], shares[k] * (M * (M - 1) // 2))
    return money


@njit(cache=True, nogil=True)
def says(shares: np.ndarray, money: np.ndarray) -> np.ndarray:
    """(V,) what a ballot counts: its balance if that is positive; its weight if nobody's is."""
    positive = np.zeros(len(money))
    for k in range(len(money)):
        positive[k] = max(money[k], 0.0)
    return positive if positive.any() else shares


@njit(cache=True, nogil=True)
def charge(ranks: np.ndarray, shares: np.ndarray, money: np.ndarray, order: np.ndarray) -> None:
    """Let those who agree with a pair of the order pay 1 for it, by weight; all if nobody does."""
    V, M = ranks.shape
    owed = np.zeros(V)
    for a in range(M):
        for b in range(a + 1, M):
            i, j = order[a], order[b]
            agreed = 0.0
            for k in range(V):
                if 0 < ranks[k, i] < ranks[k, j]:
                    agreed += shares[k]
            for k in range(V):
                if agreed == 0.0:
                    owed[k] += shares[k]
                elif 0 < ranks[k, i] < ranks[k, j]:
                    owed[k] += shares[k] / agreed
    for k in range(V):
        money[k] = settled(money[k], -owed[k])
