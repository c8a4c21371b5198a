"""Kemeny by dynamic programming over subsets, for many small sets of responses at once.

The gain of an order is the sum of the margins of i over j, over all pairs with i in front of j; an order
disagrees least with the ballots if its gain is largest. Prompts are innermost in all arrays, and margins
are whole numbers, in the smallest type that holds them, since memory limits the speed of the search.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from rlchf.numeric.chunks import TABLE, chunks

MOST = 14
"""The largest set that is searched completely: 2 ** 14 subsets take less than a millisecond."""


class Fronts(NamedTuple):
    """The gains of the subsets of M responses as the front of an order, by size, then by number.

    Attributes
    ----------
    margins
        (M, M, B).
    front
        (2 ** M, B) the largest gain of an order of the subset.
    optimal
        (2 ** M, B) bool: an optimal order begins with the subset.
    """

    margins: np.ndarray
    front: np.ndarray
    optimal: np.ndarray


class _Plan(NamedTuple):
    """The subsets of M responses in their order, and the steps between them."""

    subsets: np.ndarray  # (2 ** M,) as numbers: response i is bit i
    numbers: np.ndarray  # (2 ** M, 1) the same in int16
    row: np.ndarray  # (2 ** M,) the position of a subset in this order
    layers: list[slice]  # the subsets of each size
    last: list[list[tuple[np.ndarray, np.ndarray]]]
    """For each layer, one pair per response that may be last: the rows of the subsets without it, and the
    rows of `_added` with its gain behind them."""


def subset_scores(margins: np.ndarray, lexicographic: bool) -> np.ndarray:
    """Kemeny scores of (B, M, M) margins, up to M = `MOST`: of all optimal orders, or of the first one.

    Examples
    --------
    >>> subset_scores(np.array([[[0.0, 2.0], [-2.0, 0.0]]]), lexicographic=False)
    array([[1., 0.]])
    """
    B, M = margins.shape[:2]
    scores = np.empty((M, B))
    for chunk in chunks(B, M * 2**M, TABLE):
        fronts = search(margins[chunk])
        scores[:, chunk] = first_scores(fronts) if lexicographic else _agreed_scores(fronts)
    return scores.T


def search(margins: np.ndarray) -> Fronts:
    """Find the gains of all fronts for (B, M, M) margins."""
    B, M = margins.shape[:2]
    plan, margins = _plan(M), _compact(margins.transpose(1, 2, 0))
    added = _added(margins)
    front = np.zeros((2**M, B), dtype=margins.dtype)
    for layer, steps in zip(plan.layers[1:], plan.last[1:], strict=True):
        best = front[layer]
        for n, (smaller, gains) in enumerate(steps):
            total = front[smaller]
            total += added[gains]
            np.maximum(best, total, out=best) if n else np.copyto(best, total)
    # The rest behind a front is its complement, which has the mirrored row among the subsets. The gain of
    # the front over the rest is the sum of its margins over all, since the margins within cancel.
    total = _sums(margins.sum(axis=1, dtype=margins.dtype))[plan.subsets]
    total += front
    total += front[::-1]
    return Fronts(margins, front, total == front[-1])


def first_scores(fronts: Fronts) -> np.ndarray:
    """(M, B) scores of the first optimal order, in the order of the responses."""
    M, B = fronts.margins.shape[1:]
    row, prompts, bits = _plan(M).row, np.arange(B), 1 << np.arange(M)[:, None]
    subset, gain = np.zeros(B, dtype=np.int64), np.zeros(B, dtype=fronts.front.dtype)
    added = np.zeros((M, B), dtype=gain.dtype)  # the gain of each response behind the subset
    scores = np.empty((M, B))
    for score in range(M - 1, -1, -1):
        larger = subset | bits  # (M, B)
        cells = row[larger] * B + prompts
        fits = fronts.optimal.take(cells) & (gain + added == fronts.front.take(cells))
        fits &= larger != subset
        chosen = fits.argmax(axis=0)
        gain += added[chosen, prompts]
        added += fronts.margins[chosen, :, prompts].T
        subset |= 1 << chosen
        scores[chosen, prompts] = score
    return scores


def optimal_orders(margins: np.ndarray) -> list[list[int]]:
    """All optimal orders of (M, M) margins, the first in the order of the responses first."""
    M = len(margins)
    fronts, row = search(margins[None]), _plan(M).row
    gains, optimal = fronts.front[:, 0].astype(np.float64), fronts.optimal[:, 0]
    unfinished: list[tuple[list[int], int]] = [([], 0)]
    for _ in range(M):
        longer = []
        for order, subset in unfinished:
            for response in range(M):
                larger = subset | 1 << response
                if larger == subset or not optimal[row[larger]]:
                    continue
                if gains[row[subset]] + margins[order, response].sum() == gains[row[larger]]:
                    longer.append(([*order, response], larger))
        unfinished = longer
    return [order for order, _ in unfinished]


def agreed(margins: np.ndarray) -> np.ndarray:
    """(M, M) bool: whether i is before j in all optimal orders of (M, M) margins.

    Examples
    --------
    >>> agreed(np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])).astype(int)
    array([[0, 1, 0],
           [0, 0, 0],
           [0, 0, 0]])
    """
    fronts = search(margins[None])
    bits = 1 << np.arange(len(margins))
    before: np.ndarray = (_always_with(fronts.optimal)[:, 0] & bits[:, None]) != 0
    np.fill_diagonal(before, False)
    return before


def _agreed_scores(fronts: Fronts) -> np.ndarray:
    """(M, B) scores: responses behind in all optimal orders, and half of those that are behind in some."""
    always = _always_with(fronts.optimal)
    M, B = always.shape
    ahead = np.zeros((M, B), dtype=np.int16)  # responses behind, minus responses in front
    for i in range(M):
        member = always >> np.int16(i) & 1  # (M, B) whether i is before j, or j
        ahead[i] += member.sum(axis=0, dtype=np.int16)
        ahead -= member
    scores: np.ndarray = (M - 1 + ahead) / 2
    return scores


def _always_with(optimal: np.ndarray) -> np.ndarray:
    """(M, B) int16: the responses that every optimal front with response j contains, j too, as a number.

    They are j and the responses before j in all optimal orders.
    """
    M = optimal.shape[0].bit_length() - 1
    # By number: the front where it is optimal, otherwise -1, which has all bits.
    fronts = optimal[_plan(M).row].astype(np.int16)
    fronts -= 1
    fronts |= np.arange(2**M, dtype=np.int16)[:, None]
    always = np.empty((M, optimal.shape[1]), dtype=np.int16)
    for j in range(M - 1, -1, -1):
        without, with_j = fronts[: 2**j], fronts[2**j :]
        np.bitwise_and.reduce(with_j, axis=0, out=always[j])
        fronts = np.bitwise_and(without, with_j, out=without)  # responses above j no longer matter
    return always


def _added(margins: np.ndarray) -> np.ndarray:
    """The gain of response j right behind a subset of the others, (M * 2 ** (M - 1), B), j outermost.

    The number of the subset omits bit j.
    """
    M, _, B = margins.shape
    others = margins[~np.eye(M, dtype=bool)].reshape(M, M - 1, 1, B)  # margins of j over the others
    added = np.empty((M, 2 ** (M - 1), B), dtype=margins.dtype)
    added[:, 0] = 0
    for n in range(M - 1):
        np.subtract(added[:, : 2**n], others[:, n], out=added[:, 2**n : 2 ** (n + 1)])
    return added.reshape(-1, B)


def _sums(values: np.ndarray) -> np.ndarray:
    """(2 ** M, B) sums over the subsets, by number, of (M, B) values."""
    sums = np.empty((2 ** len(values), values.shape[1]), dtype=values.dtype)
    sums[0] = 0
    for n, value in enumerate(values):
        np.add(sums[: 2**n], value, out=sums[2**n : 2 ** (n + 1)])
    return sums


def _compact(margins: np.ndarray) -> np.ndarray:
    """The same whole numbers in the smallest type that holds the gain of any order."""
    most = margins.max(initial=0) * len(margins) ** 2 / 2
    for dtype, limit in ((np.int16, 2**15), (np.int32, 2**31)):
        if most < limit:
            return margins.astype(dtype, order="C")
    return np.ascontiguousarray(margins)


@cache
def _plan(M: int) -> _Plan:
    """List the subsets of M responses, and the steps between them."""
    numbers = np.arange(2**M)
    sizes = (numbers >> np.arange(M)[:, None] & 1).sum(axis=0)
    subsets = np.argsort(sizes, kind="stable")
    row = np.argsort(subsets)
    ends = np.concatenate([[0], np.cumsum(np.bincount(sizes))]).tolist()
    layers = [slice(ends[k], ends[k + 1]) for k in range(M + 1)]
    last = []
    for size, layer in enumerate(layers):
        remaining, steps = subsets[layer].copy(), []
        for _ in range(size):  # each subset's lowest response, the next one, ...
            bit = remaining & -remaining
            without = subsets[layer] - bit
            low = without & bit - 1
            gains = np.log2(bit).astype(int) * 2 ** (M - 1) + (without + low) // 2
            steps.append((row[without], gains))
            remaining -= bit
        last.append(steps)
    return _Plan(subsets, subsets[:, None].astype(np.int16), row, layers, last)
