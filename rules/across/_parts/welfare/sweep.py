"""The choice of the order of one prompt after the other, given all others.

The compiled parts take at most `WORK` steps, so that Python can stop the search between them.
"""

from collections.abc import Iterator
from math import factorial
from typing import NamedTuple

import numpy as np
from numba import njit

from rlchf.rules.across._parts.orders import MOST_FOR_ORDERS, NEARLY, first_borda_order
from rlchf.rules.across._parts.welfare.moves import move_some, ranks_and_gains, try_moves
from rlchf.rules.across._parts.welfare.stakes import PromptStakes, Stakes, prompt_stakes
from rlchf.rules.across._parts.welfare.steps import Welfare, fill_gains, try_all, welfare_of

WORK = 5e8
"""About the number of additions that compiled code makes before Python can stop it."""


class Position(NamedTuple):
    """Where a search is.

    Attributes
    ----------
    orders
        (R,) int64, the responses of each prompt from first to last, prompt after prompt.
    satisfaction
        (A,) of each annotator with these orders.
    slip
        (1,) by how much the welfare lies below the largest so far. Orders that are equally good up to the
        slack are chosen by agreement; ``slip`` keeps such choices from adding up.
    """

    orders: np.ndarray
    satisfaction: np.ndarray
    slip: np.ndarray


def sweep(prompts: np.ndarray, stakes: Stakes, nash: bool, first: bool, position: Position) -> int:
    """Choose the orders of some prompts again, one after the other; return the number that changed.

    ``first`` if these prompts have no order yet; they then add nothing to the satisfaction. After the first
    sweep every change raises the largest welfare so far by more than the slack, or keeps it and raises the
    agreement with the ballots. Both are bounded, so sweeps stop changing anything.
    """
    changed = 0
    for part, is_large in _parts(prompts, stakes):
        if is_large:
            changed += _sweep_large(int(part[0]), stakes, nash, first, position)
        else:
            changed += sweep_some(part, stakes, nash, first, position)
    return changed


def _parts(prompts: np.ndarray, stakes: Stakes) -> Iterator[tuple[np.ndarray, bool]]:
    """The prompts in parts, and whether a part is one prompt that takes too long for compiled code alone."""
    sizes = stakes.block.sizes[prompts]
    ballots = np.diff(stakes.block.ballot_starts)[prompts].astype(float)
    orders = np.array([factorial(m) for m in range(MOST_FOR_ORDERS + 1)])
    small = sizes <= MOST_FOR_ORDERS
    work = ballots * sizes * np.where(small, orders[np.minimum(sizes, MOST_FOR_ORDERS)], sizes**2)
    large = ~small & (work > WORK / 10)
    part = np.cumsum(np.where(large, WORK, work)) // WORK  # a new number for each large prompt
    cuts = np.flatnonzero((np.diff(part) > 0) | large[1:] | large[:-1]) + 1
    for start, end in zip([0, *cuts], [*cuts, len(prompts)], strict=True):
        yield prompts[start:end], bool(large[start])


def _sweep_large(p: int, stakes: Stakes, nash: bool, first: bool, position: Position) -> int:
    """`sweep_some` for one prompt, the moves of some responses at a time."""
    prompt = prompt_stakes(stakes, p, nash, position.satisfaction)
    if prompt.n == 0 and not first:
        return 0
    start = int(stakes.block.response_starts[p])
    V, M = prompt.ranks.shape
    order = position.orders[start : start + M]
    before = begin(prompt, first, order, position)
    columns, gains = ranks_and_gains(prompt, order)
    step = max(1, int(WORK / 20 / (V * M)))
    best, improving, changed = _with_slip(before, position), True, 0
    while improving:
        improving = False
        for i in range(0, M, step):
            moved, best = move_some(prompt, columns, gains, i, min(i + step, M), best, order)
            improving |= moved
        changed |= improving
    finish(prompt, first, before, order, position)
    return int(changed)


@njit(cache=True, nogil=True)
def sweep_some(
    prompts: np.ndarray, stakes: Stakes, nash: bool, first: bool, position: Position
) -> int:
    """`sweep`, compiled."""
    changed, starts = 0, stakes.block.response_starts
    for p in prompts:
        prompt = prompt_stakes(stakes, p, nash, position.satisfaction)
        if prompt.n == 0 and not first:
            continue
        order = position.orders[starts[p] : starts[p + 1]]
        before = begin(prompt, first, order, position)
        best = (before[0], before[1] + position.slip[0], before[2])
        if len(order) <= MOST_FOR_ORDERS:
            changed += try_all(prompt, best, order)
        else:
            changed += try_moves(prompt, best, order)
        finish(prompt, first, before, order, position)
    return changed


def _with_slip(welfare: Welfare, position: Position) -> Welfare:
    """The bar: the largest welfare so far."""
    return welfare[0], welfare[1] + float(position.slip[0]), welfare[2]


@njit(cache=True, nogil=True)
def begin(prompt: PromptStakes, first: bool, order: np.ndarray, position: Position) -> Welfare:
    """The welfare of the order that the prompt has, its first one if need be; minus infinity if it has none.

    The satisfaction with that order is taken off ``prompt.others``.
    """
    M = len(order)
    if first and M > MOST_FOR_ORDERS:
        first_borda_order(prompt.above, order)
    if first and M <= MOST_FOR_ORDERS:
        return (-np.inf, -np.inf, -np.inf)
    gains, agreed = np.zeros(len(prompt.members)), 0.0
    fill_gains(prompt, order, gains)
    if not first:
        for s in range(len(gains)):
            prompt.others[s] -= gains[s]
    for a in range(M):
        for b in range(a + 1, M):
            agreed += prompt.above[order[a], order[b]]
    positive, value = welfare_of(prompt.others, gains, prompt.weights, prompt.nash)
    return (positive, value, agreed)


@njit(cache=True, nogil=True)
def finish(
    prompt: PromptStakes, first: bool, before: Welfare, order: np.ndarray, position: Position
) -> None:
    """Give the annotators their satisfaction with the order, and update the slip."""
    gains, slip = np.zeros(len(prompt.members)), position.slip
    fill_gains(prompt, order, gains)
    for s in range(len(gains)):
        position.satisfaction[prompt.members[s]] = prompt.others[s] + gains[s]
    if not first:
        positive, value = welfare_of(prompt.others, gains, prompt.weights, prompt.nash)
        slip[0] = max(0.0, slip[0] + before[1] - value)
        if positive > before[0] + NEARLY * prompt.weight:
            slip[0] = 0.0
