"""Meek's single transferable vote, in floating point."""

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, segment_sum, to_numpy
from rlchf.profiles import Profiles

CONVERGED, SAME = 1e-12, 1e-9  # shares of all votes
STEPS = 1000


def meek(profiles: Profiles, k: int, strictly: bool) -> Array:
    """Scores (B, M); the docstring of `stv` defines the count."""
    count = _Count(profiles, k)
    M, B = count.hopeful.shape
    scores = np.zeros((M, B))
    elected = np.zeros(B)
    while count.hopeful.any():
        votes, quota = count.converge()
        level = _levels(np.where(count.hopeful, votes, -1.0))  # 0: no longer hopeful
        over = count.hopeful & (votes > quota + SAME)
        any_over = over.any(axis=0)
        fewest = np.where(count.hopeful, level, M + 1).min(axis=0)
        losers = count.hopeful & (level == fewest) & ~any_over
        if strictly:
            losers &= np.cumsum(losers[::-1], axis=0)[::-1] == 1
        above = _above(level, over, strictly)
        scores = np.where(over, M - elected - above, scores)
        elected += over.sum(axis=0)
        scores = np.where(losers, M - elected - count.hopeful.sum(axis=0), scores)
        count.hopeful &= ~over & ~losers
        count.keep[losers] = 0.0
        count.elected |= over
    return array_namespace(profiles.ranks).asarray(scores.T, device=device_of(profiles.ranks))


def _above(level: np.ndarray, over: np.ndarray, strictly: bool) -> np.ndarray:
    """(M, B) the number of responses over the quota with at least as many votes, itself included."""
    above = np.zeros(level.shape)
    for j in range(len(level)):
        higher = level[j] > level
        if strictly:
            higher[j:] |= level[j] == level[j:]
        else:
            higher |= level[j] == level
        above += over[j] & higher
    return above


def _levels(votes: np.ndarray) -> np.ndarray:
    """(M, B) the level of each number on its prompt, from 0 for the smallest; nearly equal ones share it."""
    order = np.argsort(votes, axis=0, kind="stable")
    steps = np.diff(np.take_along_axis(votes, order, axis=0), axis=0) > SAME
    level = np.zeros(votes.shape, dtype=np.int64)
    np.put_along_axis(level, order[1:], np.cumsum(steps, axis=0), axis=0)
    return level


class _Count:
    """The hopeful and elected responses, (M, B), and the share of each ballot that they keep."""

    def __init__(self, profiles: Profiles, k: int) -> None:
        self.k = k
        self.ranks = to_numpy(profiles.ranks)
        self.starts = profiles.starts
        self.owners = to_numpy(profiles.owners)
        totals = to_numpy(profiles.totals)
        self.shares = to_numpy(profiles.integer_weights) / np.maximum(totals, 1.0)[self.owners]
        shape = (profiles.n_responses, profiles.n_prompts)
        self.hopeful = np.ones(shape, dtype=bool)
        self.elected = np.zeros(shape, dtype=bool)
        self.keep = np.ones(shape)
        highest = self.ranks.max(axis=0)
        self.order = None  # the responses of each ballot, best first; those it does not rank last
        if ((self.ranks > 0).sum(axis=0) == highest).all():  # no ties
            self.order = np.argsort(np.where(self.ranks > 0, self.ranks, highest + 1), axis=0)

    def converge(self) -> tuple[np.ndarray, np.ndarray]:
        """The votes (M, B) and quota (B,) once the elected responses keep just the quota."""
        for _ in range(STEPS):
            votes, excess = self._votes()
            quota = (1.0 - excess) / (self.k + 1)
            off = np.where(self.elected, np.abs(votes - quota), 0.0)
            running = self.hopeful.any(axis=0) & (off.max(axis=0) > CONVERGED)
            if not running.any():
                break
            ratio = quota / np.where(votes > 0, votes, 1.0)
            self.keep = np.where(self.elected & running & (votes > 0), self.keep * ratio, self.keep)
        return votes, quota

    def _votes(self) -> tuple[np.ndarray, np.ndarray]:
        """(M, B) the votes that each response keeps, and (B,) the exhausted rest."""
        keep = self.keep[:, self.owners] * (self.ranks > 0)
        kept = np.zeros(keep.shape)
        if self.order is not None:
            down = np.take_along_axis(keep, self.order, axis=0)
            rest = np.cumprod(np.concatenate([self.shares[None], 1.0 - down]), axis=0)
            np.put_along_axis(kept, self.order, rest[:-1] * down, axis=0)
            return segment_sum(kept, self.starts), segment_sum(rest[-1], self.starts)
        rest = self.shares.copy()
        for level_rank in range(1, int(self.ranks.max()) + 1):
            on_level = (self.ranks == level_rank) & (keep > 0)
            size = int(on_level.sum(axis=0).max())
            if not size:
                continue
            share = np.where(on_level, keep, 0.0)
            # In a random order of a level each response has a uniform date, and gets its share of what the
            # earlier ones leave: the integral over the date of a polynomial of degree size - 1.
            dates, weights = np.polynomial.legendre.leggauss((size + 1) // 2)
            for date, weight in zip((1 + dates) / 2, weights / 2, strict=True):
                leave = 1.0 - date * share
                kept += rest * weight * share * np.prod(leave, axis=0) / leave
            rest = rest * np.prod(1.0 - share, axis=0)
        return segment_sum(kept, self.starts), segment_sum(rest, self.starts)
