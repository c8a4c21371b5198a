"""Kemeny for a set of responses that is too large to search completely."""

import numpy as np
from scipy.sparse.csgraph import connected_components

from rlchf.rules._parts.kemeny.blocks import block_scores, cuts
from rlchf.rules._parts.kemeny.program import best_order
from rlchf.rules._parts.kemeny.solvers import Solver
from rlchf.rules._parts.kemeny.subsets import MOST, subset_scores


def large_scores(
    margins: np.ndarray, lexicographic: bool, deadline: float, solver: Solver | None = None
) -> tuple[np.ndarray, float]:
    """Kemeny scores of (M, M) margins, and by how much an optimal order may still overrule less.

    The responses fall into groups that go round in a majority cycle. An order is optimal exactly if it
    is optimal within each group and respects every majority between groups.
    """
    groups = connected_components(margins > 0, connection="strong")[1]
    forced = (margins > 0) & (groups[:, None] != groups)  # in all optimal orders i is before j
    unproven = 0.0
    for group in np.flatnonzero(np.bincount(groups) > 1):
        members = np.flatnonzero(groups == group)
        inner = margins[np.ix_(members, members)]
        if len(members) <= MOST:
            scores = subset_scores(inner[None], lexicographic)[0]
        else:
            found = best_order(inner, deadline, solver)
            scores = -np.argsort(found.order)
            unproven += found.cost - found.bound
        forced[np.ix_(members, members)] = scores[:, None] > scores
    if lexicographic:
        return _first_order(forced), unproven
    forced = _closure(forced)
    ahead = forced.sum(axis=1) - forced.sum(axis=0)
    order = np.argsort(-ahead, kind="stable")
    return block_scores(cuts(ahead[order][None]), np.argsort(order)[None])[0], unproven


def _closure(forced: np.ndarray) -> np.ndarray:
    """Whoever is before one that is before another is before that other, too."""
    M = len(forced)
    bits = np.packbits(forced, axis=1)
    for k in range(M):
        before = np.unpackbits(bits[:, k // 8 : k // 8 + 1], axis=1)[:, k % 8].astype(bool)
        bits[before] |= bits[k]
    return np.unpackbits(bits, axis=1, count=M).astype(np.int64)


def _first_order(forced: np.ndarray) -> np.ndarray:
    """Scores of the first order, by the index of the responses, that respects what is forced."""
    M = len(forced)
    waits_for = forced.sum(axis=0)
    scores = np.empty(M)
    for score in range(M - 1, -1, -1):
        chosen = int(np.argmin(waits_for))  # the first that waits for nobody
        scores[chosen] = score
        waits_for -= forced[chosen]
        waits_for[chosen] = 2 * M
    return scores
