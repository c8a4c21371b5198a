"""Budgets that annotators carry from prompt to prompt: what the rules with budgets share.

On a prompt the ballots of positive weight count; ``shares`` (V,) are their shares of the weight, 0 for a
ballot that does not count. An annotator with several ballots splits its budget among them in proportion to
their weights, ``money`` (V,), and afterwards collects the money that they have not spent.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from rlchf.rules.across._parts.layout import Layout

ROUNDING = 1e-10
"""A sum smaller than this share of its larger term is a rounding error, and counts as 0."""


class Accounts(NamedTuple):
    """(A,) budgets of the annotators, and (A,) zeros for sums over an annotator's ballots on a prompt."""

    budgets: np.ndarray
    zeros: np.ndarray


def run(
    kernel: Callable[..., None], layout: Layout, budgets: np.ndarray, *options: object
) -> np.ndarray:
    """The (R,) scores that a compiled loop gives all responses; it changes the (A,) ``budgets``."""
    scores = np.empty(len(layout.rankings.response_ids))
    accounts = Accounts(budgets, np.zeros(layout.n_annotators))
    for block in layout.blocks():
        kernel(block, accounts, scores, *options)
    return scores


@njit(cache=True, nogil=True)
def add(x: float, y: float) -> float:
    """x + y, or 0 if that is a rounding error."""
    total = x + y
    return 0.0 if abs(total) <= ROUNDING * max(abs(x), abs(y)) else total


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
def split(shares: np.ndarray, annotators: np.ndarray, accounts: Accounts) -> np.ndarray:
    """(V,) each ballot's part of its annotator's budget."""
    budgets, totals = accounts.budgets, accounts.zeros
    money = np.zeros(len(shares))
    for k in range(len(shares)):
        totals[annotators[k]] += shares[k]
    for k in range(len(shares)):
        if shares[k] > 0.0:
            money[k] = budgets[annotators[k]] * (shares[k] / totals[annotators[k]])
    for k in range(len(shares)):
        totals[annotators[k]] = 0.0
    return money


@njit(cache=True, nogil=True)
def collect(
    money: np.ndarray, shares: np.ndarray, annotators: np.ndarray, budgets: np.ndarray
) -> None:
    """Return the money that the ballots have not spent to their annotators."""
    for k in range(len(shares)):
        if shares[k] > 0.0:
            budgets[annotators[k]] = 0.0
    for k in range(len(shares)):
        if shares[k] > 0.0:
            budgets[annotators[k]] = add(budgets[annotators[k]], money[k])
