"""Ranked pairs and River for one prompt with many responses, faster than all prompts at once."""

from collections.abc import Iterator

import numpy as np

from rlchf.rules._parts.tiers import sorted_pairs


def lock_all(margins: np.ndarray) -> np.ndarray:
    """Scores of (M, M) margins by `ranked_pairs`; sets of responses are Python integers, bit by bit."""
    M = len(margins)
    winners, losers = (side[0].tolist() for side in sorted_pairs(margins[None]))
    reach = [1 << i for i in range(M)]  # the responses that i reaches
    reached_by = [1 << i for i in range(M)]  # the responses that reach i
    for winner, loser in zip(winners, losers, strict=True):
        if reach[loser] >> winner & 1 or reach[winner] >> loser & 1:
            continue  # the pair would close a cycle, or follows from those locked
        above = reached_by[winner] & ~reached_by[loser]  # they reach the winner, and now the loser
        below = reach[loser] & ~reach[winner]
        gained, gains = reach[loser], reached_by[winner]
        for i in _members(above):
            reach[i] |= gained
        for j in _members(below):
            reached_by[j] |= gains
    return np.array([reach[i].bit_count() - 1.0 for i in range(M)])


def _members(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def lock_one_per_loser(margins: np.ndarray) -> np.ndarray:
    """Scores of (M, M) margins by `river`."""
    M = len(margins)
    winners, losers = (side[0].tolist() for side in sorted_pairs(margins[None]))
    pairs = list(zip(winners, losers, strict=True))
    scores = np.zeros(M)
    remaining = set(range(M))
    for score in range(M - 1, 0, -1):
        root, trees = list(range(M)), {i: [i] for i in remaining}
        for winner, loser in pairs:
            if loser in trees and root[winner] != loser:
                trees[root[winner]] += trees[loser]
                for member in trees.pop(loser):
                    root[member] = root[winner]
                if len(trees) == 1:
                    break
        (won,) = trees
        scores[won] = score
        remaining.remove(won)
        pairs = [pair for pair in pairs if won not in pair]
    return scores
