"""Squared Kemeny by comparing all orders, for many prompts with few responses.

An order is a vector t with 1 for each pair i < j that it ranks i above j, and -1 for the others; a
ballot is such a vector s, with 0 for a pair that it does not rank. If the ballot ranks n pairs, their
distance is (n - s t) / 2. The sum of its squares over the ballots is a quadratic form in t. So the costs
of all orders on all prompts are one matrix product, with any number of ballots.
"""

from functools import cache
from itertools import permutations

import numpy as np

from rlchf.numeric.arrays import segment_sum
from rlchf.numeric.chunks import TABLE, chunks


def all_orders_scores(
    ranks: np.ndarray, starts: np.ndarray, votes: np.ndarray, lexicographic: bool
) -> np.ndarray:
    """(B, M) scores of what all optimal orders agree on, or of the first of them."""
    M, B = len(ranks), len(starts) - 1
    orders, vectors = _orders(M)
    scores = np.empty((B, M))
    for chunk in chunks(B, len(orders), TABLE):
        ballots = slice(starts[chunk.start], starts[chunk.stop])
        optimal = _optimal(
            ranks[:, ballots], starts[chunk.start : chunk.stop + 1] - ballots.start, votes[ballots]
        )
        if lexicographic:
            positions = np.argsort(orders[optimal.argmax(axis=1)], axis=1)
            scores[chunk] = M - 1 - positions
        else:
            scores[chunk] = _agreed_scores(optimal, vectors, M)
    return scores


def signs(ranks: np.ndarray) -> np.ndarray:
    """The vectors of the ballots, (pairs, K) int8."""
    i, j = np.triu_indices(len(ranks), 1)
    both = (ranks[i] > 0) & (ranks[j] > 0)
    vectors: np.ndarray = ((ranks[i] < ranks[j]) & both).astype(np.int8)
    vectors -= (ranks[i] > ranks[j]) & both
    return vectors


def _optimal(ranks: np.ndarray, starts: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """(B, M!) bool: whether an order has the least cost."""
    ballots, vectors = signs(ranks), _orders(len(ranks))[1]
    N = len(ballots)
    most = 2 * N**2 * segment_sum(votes, starts)  # an upper bound on all sums of the costs' terms
    number = np.float32 if most.max() < 2**24 else np.float64
    ballots, votes = ballots.astype(number), votes.astype(number)
    ranked, vectors = np.abs(ballots).sum(axis=0), vectors.T.astype(number)
    costs = -segment_sum(ballots * (ranked * votes), starts).T @ vectors  # the linear terms
    form = [segment_sum(ballots[p] * votes * ballots[p + 1 :], starts) for p in range(N - 1)]
    square = np.concatenate([np.zeros((0, len(costs)), number), *form]).T  # (B, pairs of pairs)
    p, q = np.triu_indices(N, 1)
    for chunk in chunks(len(p), vectors.shape[1], TABLE):
        costs += square[:, chunk] @ (vectors[p[chunk]] * vectors[q[chunk]])
    # Beyond 2^53 sums are not exact: costs that differ only by rounding count as equal.
    tolerance = np.where(most < 2**53, 0, most * 2.0**-45)
    optimal: np.ndarray = costs <= (costs.min(axis=1) + tolerance)[:, None]
    return optimal


def _agreed_scores(optimal: np.ndarray, vectors: np.ndarray, M: int) -> np.ndarray:
    """Scores: responses behind in all optimal orders, and half of those that are behind in some."""
    agreed = optimal.astype(np.float32) @ vectors  # (B, pairs)
    agreed = np.sign(agreed) * (np.abs(agreed) == optimal.sum(axis=1)[:, None])
    scores = np.full((len(optimal), M), (M - 1) / 2)
    for pair, (i, j) in enumerate(zip(*np.triu_indices(M, 1), strict=True)):
        scores[:, i] += agreed[:, pair] / 2
        scores[:, j] -= agreed[:, pair] / 2
    return scores


@cache
def _orders(M: int) -> tuple[np.ndarray, np.ndarray]:
    """All orders, (M!, M), the first in the order of the responses first, and their vectors."""
    orders = np.array(list(permutations(range(M))), dtype=np.int8)
    positions = np.argsort(orders, axis=1)
    i, j = np.triu_indices(M, 1)
    return orders, np.where(positions[:, i] < positions[:, j], np.float32(1), np.float32(-1))
