"""Dictators in turn, as often as their weight says."""

import numpy as np
from numba import njit

from rlchf.aggregation import Aggregation
from rlchf.numeric.arrays import uniform
from rlchf.rankings import Rankings
from rlchf.rules import voting_rule
from rlchf.rules.across._parts.budgets import run, shares_of
from rlchf.rules.across._parts.layout import Order, Sequence, ranked, sequence
from rlchf.rules.across._parts.orders import NEARLY


@voting_rule(
    kind="across prompts",
    cost="K + M",
    axioms=["neutrality", "homogeneity", "unanimity", "pareto", "monotonicity", "clones"],
    any_device=False,
)
def apportioned_dictator(
    rankings: Rankings, *, order: Order = "input", seed: int = 0
) -> Aggregation:
    """Take on each prompt one ballot as the result, so that all decide as many as they should.

    On a prompt an annotator is due the share of the weight that its ballots have. Having decided n
    prompts, an annotator may decide the next once it is due more than n, and has to by the prompt on
    which that reaches n + 1, its deadline. The prompt goes to the annotator present who may decide and
    has the earliest deadline, which is known as the whole dataset is. Among those who are never due a
    whole prompt more, one is drawn by weight. If nobody present may decide, the one who is ahead least
    does.

    So where all annotators are always present, everybody's number of prompts differs by less than 1
    from what is due, after every prompt. Proof: give each prompt to the annotators in parts, as is due;
    then each annotator's n-th prompt is given within its time, so the prompts can also be given whole
    (a bipartite graph with a fractional matching has a whole one), and going by deadlines finds
    that. Where annotators come and go it can differ by more; in random trials it stayed below 2.
    `random_dictator` draws every prompt for itself, and is off by the order of the square root of
    the number of prompts.

    Ties on the ballot taken stay ties; responses without a place on it are tied behind all others. Of
    several ballots of an annotator on a prompt the first counts.

    Parameters
    ----------
    order, seed
        Whether the prompts are decided as they come or shuffled with a seed; it also draws.

    Returns
    -------
    Aggregation, with scores M minus the place. All are 0 where no ballot has any weight.

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
    laid = sequence(rankings, order, seed)
    starts, deadlines = _deadlines(laid)
    decided = np.zeros(laid.n_annotators)
    chances = uniform(seed, np.arange(len(laid.prompts)), 1)[:, 0]
    due = np.zeros(laid.n_annotators)
    scores = run(_take_turns, laid, decided, due, chances, starts, deadlines)
    return ranked(rankings, scores, "apportioned_dictator", order=order, seed=seed)


def _deadlines(laid: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """When an annotator is first due 1, 2, ... prompts: of annotator a from ``starts[a]`` on."""
    due = np.zeros(laid.n_annotators)
    times = np.zeros(0, dtype=np.int64)
    starts = np.zeros(laid.n_annotators + 1, dtype=np.int64)
    for fill in (False, True):
        due[:] = 0.0
        _pass_time(
            laid.prompts, laid.ballots, laid.weights, laid.annotators, due, starts, times, fill
        )
        if not fill:
            starts[1:] = np.cumsum(np.floor(due + NEARLY)).astype(np.int64)
            times = np.zeros(int(starts[-1]), dtype=np.int64)
    return starts, times


@njit(cache=True, nogil=True)
def _pass_time(
    prompts: np.ndarray, ballots: np.ndarray, weights: np.ndarray, annotators: np.ndarray,
    due: np.ndarray, starts: np.ndarray, times: np.ndarray, fill: bool,
) -> None:  # fmt: skip
    """Add up what everybody is due and, if asked, note when that reaches a whole number."""
    for t in range(len(prompts)):
        begin, end = ballots[prompts[t]], ballots[prompts[t] + 1]
        shares = shares_of(weights[begin:end])
        for k in range(end - begin):
            a = annotators[begin + k]
            before = int(np.floor(due[a] + NEARLY))
            due[a] += shares[k]
            if fill and int(np.floor(due[a] + NEARLY)) > before:
                times[starts[a] + before] = t


@njit(cache=True, nogil=True)
def _take_turns(
    prompts: np.ndarray, sizes: np.ndarray, ballots: np.ndarray, cells: np.ndarray,
    ranks: np.ndarray, weights: np.ndarray, annotators: np.ndarray, responses: np.ndarray,
    decided: np.ndarray, here: np.ndarray, scores: np.ndarray, due: np.ndarray,
    chances: np.ndarray, starts: np.ndarray, deadlines: np.ndarray,
) -> None:  # fmt: skip
    """Give each prompt to one ballot; ``decided`` and ``due`` (A,) are so far, in prompts."""
    for t, p in enumerate(prompts):
        begin, end, M = ballots[p], ballots[p + 1], sizes[p]
        shares, who = shares_of(weights[begin:end]), annotators[begin:end]
        for k in range(end - begin):
            due[who[k]] += shares[k]
        taken = _whose_turn(shares, who, decided, due, chances[p], starts, deadlines)
        if taken < 0:
            scores[responses[p] : responses[p + 1]] = 0.0
            continue
        decided[who[taken]] += 1.0
        ballot = ranks[cells[t] + taken * M : cells[t] + (taken + 1) * M]
        last = ballot.max() + 1
        for i in range(M):
            scores[responses[p] + i] = M - (ballot[i] if ballot[i] > 0 else last)


@njit(cache=True, nogil=True)
def _whose_turn(
    shares: np.ndarray, who: np.ndarray, decided: np.ndarray, due: np.ndarray, chance: float,
    starts: np.ndarray, deadlines: np.ndarray,
) -> int:  # fmt: skip
    """The ballot that decides, or -1 if none has any weight."""
    first, earliest, waiting, ahead = -1, 0, 0.0, -1
    for k in range(len(shares)):
        if shares[k] == 0.0:
            continue
        a = who[k]
        if ahead < 0 or due[a] - decided[a] > due[who[ahead]] - decided[who[ahead]] + NEARLY:
            ahead = k
        if due[a] > decided[a] + NEARLY:
            at = starts[a] + int(decided[a])
            if at >= starts[a + 1]:
                waiting += shares[k]
            elif first < 0 or deadlines[at] < earliest:
                first, earliest = k, deadlines[at]
    if first >= 0 or waiting == 0.0:
        return first if first >= 0 else ahead
    passed = 0.0
    for k in range(len(shares)):
        a = who[k]
        if shares[k] > 0.0 and due[a] > decided[a] + NEARLY:
            passed += shares[k]
            first = k
            if passed > chance * waiting:
                break
    return first
