"""Dictators in turn, in proportion to their weights."""

from typing import NamedTuple

import numpy as np
from numba import njit

from rlchf.aggregation import Aggregation
from rlchf.numeric.arrays import uniform
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.budgets import Accounts, run, shares_of
from rlchf.rules.across._parts.layout import (
    Block,
    Layout,
    Order,
    as_aggregation,
    ballots_of,
    lay_out,
)
from rlchf.rules.across._parts.orders import NEARLY


@voting_rule(
    kind="across prompts",
    cost="K + M",
    axioms=["neutrality", "homogeneity", "unanimity", "pareto", "monotonicity", "clones"],
    any_device=False,
    keeps_ties=True,
)
def apportioned_dictator(
    rankings: Rankings, *, order: Order = "input", seed: int = 0
) -> Aggregation:
    """Let one ballot decide each prompt, so that each annotator decides its share of the prompts.

    On each prompt an annotator's entitlement grows by its share of the weight of the prompt's ballots. An
    annotator who has decided n prompts may decide the next once its entitlement is more than n, and has to
    by the prompt on which the entitlement reaches n + 1, its deadline. The prompt goes to the annotator
    present who may decide and has the earliest deadline; deadlines are computed from the whole dataset
    beforehand. Among annotators whose entitlement never reaches n + 1 one is drawn by weight. If nobody
    present may decide, the annotator with the largest entitlement minus prompts decided does.

    So if all annotators are always present, the number of prompts that each has decided differs by less than
    1 from its entitlement, after every prompt. Proof: divide each prompt among the annotators by their
    shares; then each annotator's n-th prompt lies between its first possible prompt and its deadline. So
    the prompts can also be assigned whole (a bipartite graph with a fractional perfect matching has a
    perfect matching), and the earliest deadline first is such an assignment. If annotators come and go the
    difference can be larger; in random trials it stayed below 2. `random_dictator` draws every prompt
    independently, and its difference grows with the square root of the number of prompts.

    Ties on the chosen ballot stay ties; responses that it does not rank are tied behind all others. If an
    annotator has several ballots on a prompt, the first counts.

    Parameters
    ----------
    order, seed
        Decide the prompts in the order of the input ("input"), or "shuffled" with a seed, which also draws.

    Returns
    -------
    Aggregation, with scores M minus the rank. All are 0 where no ballot has any weight.

    References
    ----------
    R. Tijdeman, "The chairman assignment problem", 1980, for annotators who are always present.

    Examples
    --------
    >>> plain, emoji = [["plain"], ["emoji"]], [["emoji"], ["plain"]]
    >>> ballots = [(p, name, plain if name in "abc" else emoji) for p in range(5) for name in "abcde"]
    >>> result = apportioned_dictator(Rankings.from_ballots(ballots))
    >>> sorted(result.ranking(p)[0] for p in range(5))
    [['emoji'], ['emoji'], ['plain'], ['plain'], ['plain']]
    """
    layout = lay_out(rankings, order, seed)
    deadlines = _deadlines(layout)
    entitlement, n_decided = np.zeros(layout.n_annotators), np.zeros(layout.n_annotators)
    draws = uniform(seed, np.arange(len(layout.prompts)), 1)[:, 0]
    scores = run(_take_turns, layout, n_decided, entitlement, deadlines, draws)
    return as_aggregation(rankings, scores, "apportioned_dictator", order=order, seed=seed)


class Deadlines(NamedTuple):
    """The prompts by which each annotator is first entitled to 1, 2, ... prompts.

    Attributes
    ----------
    times
        The positions of these prompts, in the order in which the prompts are decided.
    starts
        (A + 1,) where each annotator's times begin.
    """

    times: np.ndarray
    starts: np.ndarray


def _deadlines(layout: Layout) -> Deadlines:
    """Add up all entitlements twice: to count the whole numbers that they reach, and to store the times."""
    starts = np.zeros(layout.n_annotators + 1, dtype=np.int64)
    entitlement = np.zeros(layout.n_annotators)
    rankings = layout.rankings
    columns = rankings.ballot_starts, rankings.ballot_weights, rankings.ballot_annotators
    uncounted = Deadlines(np.zeros(0, dtype=np.int64), starts)
    _add_entitlements(layout.prompts, *columns, entitlement, uncounted)
    starts[1:] = np.cumsum(np.floor(entitlement + NEARLY)).astype(np.int64)
    deadlines = Deadlines(np.zeros(int(starts[-1]), dtype=np.int64), starts)
    entitlement[:] = 0.0
    _add_entitlements(layout.prompts, *columns, entitlement, deadlines)
    return deadlines


@njit(cache=True, nogil=True)
def _add_entitlements(
    prompts: np.ndarray, ballot_starts: np.ndarray, weights: np.ndarray, annotators: np.ndarray,
    entitlement: np.ndarray, deadlines: Deadlines,
) -> None:  # fmt: skip
    """Add each prompt's shares to ``entitlement`` (A,); fill the times at which it reaches a whole number."""
    for t in range(len(prompts)):
        start, end = ballot_starts[prompts[t]], ballot_starts[prompts[t] + 1]
        shares = shares_of(weights[start:end])
        for k in range(end - start):
            a = annotators[start + k]
            before = int(np.floor(entitlement[a] + NEARLY))
            entitlement[a] += shares[k]
            if len(deadlines.times) > 0 and int(np.floor(entitlement[a] + NEARLY)) > before:
                deadlines.times[deadlines.starts[a] + before] = t


@njit(cache=True, nogil=True)
def _take_turns(
    block: Block, accounts: Accounts, scores: np.ndarray, entitlement: np.ndarray,
    deadlines: Deadlines, draws: np.ndarray,
) -> None:  # fmt: skip
    """Let one ballot decide each prompt; the accounts hold the number of prompts that each has decided."""
    n_decided = accounts.budgets
    for t, p in enumerate(block.prompts):
        ballots = ballots_of(block, t)
        shares, who = shares_of(ballots.weights), ballots.annotators
        for k in range(len(shares)):
            entitlement[who[k]] += shares[k]
        dictator = _next_dictator(shares, who, n_decided, entitlement, deadlines, draws[p])
        start, M = block.response_starts[p], ballots.ranks.shape[1]
        if dictator < 0:
            scores[start : start + M] = 0.0
            continue
        n_decided[who[dictator]] += 1.0
        ranks = ballots.ranks[dictator]
        last = ranks.max() + 1
        for i in range(M):
            scores[start + i] = M - (ranks[i] if ranks[i] > 0 else last)


@njit(cache=True, nogil=True)
def _next_dictator(
    shares: np.ndarray, who: np.ndarray, n_decided: np.ndarray, entitlement: np.ndarray,
    deadlines: Deadlines, draw: float,
) -> int:  # fmt: skip
    """The ballot that decides, or -1 if none has any weight."""
    first, earliest, waiting, furthest_behind = -1, 0, 0.0, -1
    for k in range(len(shares)):
        if shares[k] == 0.0:
            continue
        a, b = who[k], who[furthest_behind]
        deficit = entitlement[a] - n_decided[a]
        if furthest_behind < 0 or deficit > entitlement[b] - n_decided[b] + NEARLY:
            furthest_behind = k
        if entitlement[a] > n_decided[a] + NEARLY:
            turn = deadlines.starts[a] + int(n_decided[a])
            if turn >= deadlines.starts[a + 1]:
                waiting += shares[k]
            elif first < 0 or deadlines.times[turn] < earliest:
                first, earliest = k, deadlines.times[turn]
    if first >= 0 or waiting == 0.0:
        return first if first >= 0 else furthest_behind
    passed = 0.0
    for k in range(len(shares)):
        a = who[k]
        if shares[k] > 0.0 and entitlement[a] > n_decided[a] + NEARLY:
            passed += shares[k]
            first = k
            if passed > draw * waiting:
                break
    return first
