"""Compiled: the comparison of two outcomes of a prompt by the aim of a perpetual rule.

An aim is a function of all annotators' states after the prompt: the product of satisfactions (Nash), the
least satisfied annotators (equality), or the load that supporters carry (Phragmén).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import NEARLY

NASH, EQUALITY, PHRAGMEN = 0, 1, 2
NO_LOAD = 1e300
"""The level if nobody carries the load."""
FEW = 64
"""Up to this number of annotators, levels are sorted by insertion."""


class Voters(NamedTuple):
    """The annotators who are present on a prompt, and the aim.

    Attributes
    ----------
    aim
        One of the codes above.
    state, weights
        (P,) each.
    cost
        The weight of all ballots on the prompt, times the stake.
    slack
        (2,) the largest differences that are rounding errors, in both rows of a key.
    """

    aim: int
    state: np.ndarray
    weights: np.ndarray
    cost: float
    slack: np.ndarray


@njit(cache=True, nogil=True)
def voters_of(aim: int, state: np.ndarray, weights: np.ndarray, cost: float) -> Voters:
    """The voters present; a prompt changes the sum of logarithms by about weight / (1 + state)."""
    change = 0.0
    for s in range(len(state)):
        change += weights[s] / (1.0 + state[s])
    second = change if aim == NASH else 1.0 + state.max()
    slack: np.ndarray = NEARLY * np.array([weights.sum(), second])
    return Voters(aim, state, weights, cost, slack)


@njit(cache=True, nogil=True)
def fill_key(voters: Voters, satisfaction: np.ndarray, key: np.ndarray) -> None:
    """Fill (2, P) ``key`` with the input of `compare`, for the satisfactions (P,) with an outcome."""
    state, weights, P = voters.state, voters.weights, len(voters.state)
    if voters.aim == NASH:
        key[:, 0] = 0.0
        for s in range(P):
            if weights[s] > 0 and state[s] + satisfaction[s] > 0:
                key[0, 0] += weights[s]
                key[1, 0] += weights[s] * np.log(state[s] + satisfaction[s])
    elif voters.aim == PHRAGMEN:
        key[0, 0] = new_load(voters, satisfaction)
    elif P > FEW:  # the same as below, faster
        levels: np.ndarray = state + satisfaction
        by_level = np.argsort(levels, kind="mergesort")
        key[0], key[1] = levels[by_level], weights[by_level]
    else:  # all levels, the lowest first, and their weights
        for s in range(P):
            level, rank = state[s] + satisfaction[s], s
            while rank > 0 and key[0, rank - 1] > level:
                key[0, rank], key[1, rank] = key[0, rank - 1], key[1, rank - 1]
                rank -= 1
            key[0, rank], key[1, rank] = level, weights[s]


@njit(cache=True, nogil=True)
def new_load(voters: Voters, satisfaction: np.ndarray) -> float:
    """The level at which supporters carry the cost with equal loads, without those with larger loads."""
    state, weights, load = voters.state, voters.weights, NO_LOAD
    while True:
        carried, carriers = voters.cost, 0.0
        for s in range(len(state)):
            if state[s] <= load:
                carried += weights[s] * satisfaction[s] * state[s]
                carriers += weights[s] * satisfaction[s]
        if carriers <= 0.0 or carried / carriers >= load:
            return load
        load = carried / carriers


@njit(cache=True, nogil=True)
def compare(voters: Voters, key: np.ndarray, best: np.ndarray) -> int:
    """1 if a key is better than the best one, -1 if it is worse, 0 if it is as good."""
    slack = voters.slack
    if voters.aim == NASH:
        for c in range(2):
            if abs(key[c, 0] - best[c, 0]) > slack[c]:
                return 1 if key[c, 0] > best[c, 0] else -1
        return 0
    if voters.aim == PHRAGMEN:
        if abs(key[0, 0] - best[0, 0]) > NEARLY * max(1.0, min(key[0, 0], best[0, 0])):
            return 1 if key[0, 0] < best[0, 0] else -1
        return 0
    P, a, b = key.shape[1], 0, 0
    weight, best_weight = key[1, 0], best[1, 0]
    while True:  # compare weight by weight, from the lowest level up
        while weight <= slack[0]:
            a += 1
            if a == P:
                return 0
            weight += key[1, a]
        while best_weight <= slack[0]:
            b += 1
            if b == P:
                return 0
            best_weight += best[1, b]
        if abs(key[0, a] - best[0, b]) > slack[1]:
            return 1 if key[0, a] > best[0, b] else -1
        both = min(weight, best_weight)
        weight -= both
        best_weight -= both
