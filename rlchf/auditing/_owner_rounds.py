"""Each owner's share of each prompt, in the order of the prompts: deficits, losing streaks, quotas."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rlchf.auditing._tallies import Tallies
from rlchf.auditing.groups import Grouping

NEARLY = 1e-9


@dataclass(frozen=True, eq=False)
class OwnerRounds:
    """One row per owner and prompt on which the owner has a ballot with a weight.

    An owner is an annotator or a group. An owner's ballots on a prompt count together, by their weights.
    Rows are sorted by owner, then prompt.

    Attributes
    ----------
    owners, prompts
        (C,) owner and prompt of each row.
    shares
        (C,) the owner's share of the weight of the prompt.
    agreed, contested
        (C,) contested pairs agreed, and contested pairs: means over the owner's ballots.
    won, quota
        (C,) whether the outcome is approved, and the deserved part of a win: means likewise.
    n_owners
        Number of owners; some may have no row.
    """

    owners: np.ndarray
    prompts: np.ndarray
    shares: np.ndarray
    agreed: np.ndarray
    contested: np.ndarray
    won: np.ndarray
    quota: np.ndarray
    n_owners: int

    @classmethod
    def of(cls, tallies: Tallies, grouping: Grouping) -> "OwnerRounds":
        """Gather the ballots of each group, leaving out those of annotators who have none."""
        owners = grouping.owners[tallies.annotators]
        ballots = np.flatnonzero((owners >= 0) & (tallies.weights > 0))
        keys = owners[ballots] * tallies.n_prompts + tallies.prompts[ballots]
        order = np.argsort(
            keys, kind="stable"
        )  # faster than np.unique where much is sorted already
        ballots, keys = ballots[order], keys[order]
        is_new = np.ones(len(keys), dtype=bool)
        is_new[1:] = keys[1:] != keys[:-1]
        row, keys = np.cumsum(is_new) - 1, keys[is_new]
        weights, C = tallies.weights[ballots], len(keys)
        total = np.bincount(row, weights, C)

        def mean(values: np.ndarray) -> np.ndarray:
            return np.asarray(np.bincount(row, weights * values[ballots], C) / total)

        owner, prompt = np.divmod(keys, tallies.n_prompts)
        return cls(
            owners=owner,
            prompts=prompt,
            shares=total / tallies.totals()[prompt],
            agreed=mean(tallies.contested_agreed),
            contested=mean(tallies.contested),
            won=mean(tallies.won),
            quota=mean(tallies.quota),
            n_owners=len(grouping.names),
        )

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(owners,) sums over each owner's rows."""
        return np.bincount(self.owners, values, self.n_owners)

    def cumulative(self, values: np.ndarray) -> np.ndarray:
        """(C,) sums over each owner's rows up to and including this one.

        Examples
        --------
        >>> rows = np.array([0, 0, 1])
        >>> rounds = OwnerRounds(rows, rows, *[rows * 1.0] * 5, n_owners=2)
        >>> rounds.cumulative(np.array([1.0, 2.0, 5.0]))
        array([1., 3., 5.])
        """
        total = np.cumsum(values)
        before = (total - values)[self._starts]
        return np.asarray(total - np.repeat(before, self._lengths))

    def largest(self, values: np.ndarray, default: float) -> np.ndarray:
        """(owners,) the largest value of each owner's rows; the default for an owner without rows."""
        out = np.full(self.n_owners, default, dtype=np.float64)
        if len(values):
            out[self.owners[self._starts]] = np.maximum.reduceat(values, self._starts)
        return out

    @cached_property
    def _starts(self) -> np.ndarray:
        """The first row of each owner that has rows."""
        return np.flatnonzero(np.diff(self.owners, prepend=-1))

    @property
    def _lengths(self) -> np.ndarray:
        return np.diff(self._starts, append=len(self.owners))

    @property
    def deserved(self) -> np.ndarray:
        """(C,) the owner's contested pairs, times its share of the weight of the prompt."""
        return np.asarray(self.shares * self.contested)

    def maximum_deficits(self) -> np.ndarray:
        """(owners,) the largest, over all prefixes of the prompts, of pairs deserved minus agreed."""
        deficits = self.cumulative(self.deserved - self.agreed)
        return np.asarray(np.maximum(self.largest(deficits, 0.0), 0.0))

    def longest_losing_streaks(self) -> np.ndarray:
        """(owners,) the longest run of the owner's rounds whose outcome none of its ballots approves."""
        row = np.arange(len(self.owners))
        start = np.repeat(self._starts, self._lengths)
        last_win = np.maximum.accumulate(np.where(self.won > 0, row, -1)) if len(row) else row
        return self.largest(row - np.maximum(last_win, start - 1), 0.0).astype(np.int64)

    def quota_met(self) -> np.ndarray:
        """(C,) bool: whether the wins so far are at least the quota so far, rounded down."""
        lower_quota = np.floor(self.cumulative(self.quota) + NEARLY)
        return np.asarray(self.cumulative(self.won) >= lower_quota - NEARLY)
