"""Compiled: credit accounting, in which a ballot counts its annotator's balance and pays for what it wins."""

import numpy as np
from numba import njit

from rlchf.rules.across._parts.budgets import Accounts, add, collect, shares_of, split
from rlchf.rules.across._parts.layout import Block, ballots_of, write_order
from rlchf.rules.across._parts.orders import count_above, first_borda_order, first_kemeny_order


@njit(cache=True, nogil=True)
def decide_by_credit(block: Block, accounts: Accounts, scores: np.ndarray, by_borda: bool) -> None:
    """Rank prompt after prompt into ``scores`` (R,) by Borda's rule or Kemeny's, weighed by balances."""
    for t in range(len(block.prompts)):
        ballots = ballots_of(block, t)
        M = ballots.ranks.shape[1]
        shares, who = shares_of(ballots.weights), ballots.annotators
        money = earn(shares, who, accounts, M)
        above = count_above(ballots.ranks, ballot_weights(shares, money))
        order = np.empty(M, dtype=np.int64)
        if by_borda:
            first_borda_order(above, order)
        else:
            first_kemeny_order(above, order)
        write_order(block, t, order, scores)
        charge(ballots.ranks, shares, money, order)
        collect(money, shares, who, accounts.budgets)


@njit(cache=True, nogil=True)
def earn(shares: np.ndarray, annotators: np.ndarray, accounts: Accounts, M: int) -> np.ndarray:
    """(V,) each ballot's part of its annotator's balance, and of the income from the prompt's pairs."""
    money: np.ndarray = split(shares, annotators, accounts)
    for k in range(len(shares)):
        money[k] = add(money[k], shares[k] * (M * (M - 1) // 2))
    return money


@njit(cache=True, nogil=True)
def ballot_weights(shares: np.ndarray, money: np.ndarray) -> np.ndarray:
    """(V,) what a ballot counts: its balance if that is positive; its share if no balance is."""
    positive = np.zeros(len(money))
    for k in range(len(money)):
        positive[k] = max(money[k], 0.0)
    return positive if positive.any() else shares


@njit(cache=True, nogil=True)
def charge(ranks: np.ndarray, shares: np.ndarray, money: np.ndarray, order: np.ndarray) -> None:
    """Let the ballots that agree with a pair of the order pay 1 for it, by weight; all if none agrees."""
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
        money[k] = add(money[k], -owed[k])
