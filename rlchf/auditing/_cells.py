"""Each owner's part of each prompt, in the order of the prompts: shortfalls, dry spells, quotas."""

from dataclasses import dataclass

import numpy as np

from rlchf.auditing._tallies import Tallies

NEARLY = 1e-9


@dataclass(frozen=True, eq=False)
class Cells:
    """One row per owner and prompt on which the owner has a ballot with a weight.

    An owner is an annotator or a group. Its ballots on a prompt count together, by their weights.
    Rows are sorted by owner, then prompt.

    Attributes
    ----------
    owners, prompts
        (C,) whose row it is, and where.
    firsts
        (C,) bool: an owner's first row.
    shares
        (C,) the owner's share of the weight of the prompt.
    agreed, contested
        (C,) contested pairs agreed, and contested pairs: means over the owner's ballots.
    won, quota
        (C,) whether the outcome is approved, and the deserved part of a win: means likewise.
    n_owners
        How many owners there are; some may have no row.
    """

    owners: np.ndarray
    prompts: np.ndarray
    firsts: np.ndarray
    shares: np.ndarray
    agreed: np.ndarray
    contested: np.ndarray
    won: np.ndarray
    quota: np.ndarray
    n_owners: int

    @classmethod
    def of(cls, tallies: Tallies, owners: np.ndarray, n_owners: int, n_prompts: int) -> "Cells":
        """Gather ballots by owner, (N,) with -1 for a ballot that has none."""
        mine = np.flatnonzero((owners >= 0) & (tallies.weights > 0))
        keys = owners[mine] * n_prompts + tallies.prompts[mine]
        if len(keys) and (np.diff(keys) < 0).any():
            order = np.argsort(keys, kind="stable")
            mine, keys = mine[order], keys[order]
        new = np.ones(len(keys), dtype=bool)
        new[1:] = keys[1:] != keys[:-1]
        row = np.cumsum(new) - 1
        weights, C = tallies.weights[mine], int(new.sum())
        total = np.bincount(row, weights, C)

        def mean(values: np.ndarray) -> np.ndarray:
            return np.asarray(np.bincount(row, weights * values[mine], C) / total)

        owner, prompt = np.divmod(keys[new], n_prompts)
        firsts = np.ones(C, dtype=bool)
        firsts[1:] = owner[1:] != owner[:-1]
        return cls(
            owners=owner,
            prompts=prompt,
            firsts=firsts,
            shares=total / tallies.totals(n_prompts)[prompt],
            agreed=mean(tallies.contested_agreed),
            contested=mean(tallies.contested),
            won=mean(tallies.won),
            quota=mean(tallies.quota),
            n_owners=n_owners,
        )

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(owners,) sums over each owner's rows."""
        return np.bincount(self.owners, values, self.n_owners)

    def so_far(self, values: np.ndarray) -> np.ndarray:
        """(C,) sums over each owner's rows up to this one.

        Examples
        --------
        >>> rows = np.array([0, 0, 1])
        >>> some = Cells(rows, rows, np.array([True, False, True]), *[rows * 1.0] * 5, 2)
        >>> some.so_far(np.array([1.0, 2.0, 5.0]))
        array([1., 3., 5.])
        """
        total = np.cumsum(values)
        begin = (total - values)[self.firsts]
        return np.asarray(total - np.repeat(begin, self._lengths))

    def largest(self, values: np.ndarray, none: float) -> np.ndarray:
        """(owners,) the largest of each owner's rows."""
        out = np.full(self.n_owners, none, dtype=np.float64)
        if len(values):
            starts = np.flatnonzero(self.firsts)
            out[self.owners[starts]] = np.maximum.reduceat(values, starts)
        return out

    @property
    def _lengths(self) -> np.ndarray:
        return np.diff(np.append(np.flatnonzero(self.firsts), len(self.firsts)))

    @property
    def deserved(self) -> np.ndarray:
        """(C,) the owner's contested pairs, times its share of the weight of the prompt."""
        return np.asarray(self.shares * self.contested)

    def shortfalls(self) -> np.ndarray:
        """(owners,) the largest, over all prefixes of the prompts, of pairs deserved minus agreed."""
        behind = self.so_far(self.deserved - self.agreed)
        return np.asarray(np.maximum(self.largest(behind, 0.0), 0.0))

    def dry_spells(self) -> np.ndarray:
        """(owners,) the longest run of the owner's rounds whose outcome no ballot of it approves."""
        row = np.arange(len(self.owners))
        start = np.repeat(np.flatnonzero(self.firsts), self._lengths)
        last = np.maximum.accumulate(np.where(self.won > 0, row, -1)) if len(row) else row
        return self.largest(row - np.maximum(last, start - 1), 0.0).astype(np.int64)

    def quota_kept(self) -> np.ndarray:
        """(C,) bool: whether the wins so far are at least the quota so far, rounded down."""
        due = np.floor(self.so_far(self.quota) + NEARLY)
        return np.asarray(self.so_far(self.won) >= due - NEARLY)
