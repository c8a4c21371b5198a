"""Ballots on some prompts, compared with rankings that were made without their annotators."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlchf.auditing._orders import above_in_optimal_orders
from rlchf.auditing.estimates import ClusteredSums
from rlchf.auditing.groups import Grouping
from rlchf.numeric.ratios import ratio
from rlchf.profiles import Profiles

Sums = dict[str, ClusteredSums]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The outcome on some prompts, and those without each part of the annotators.

    Attributes
    ----------
    above, firsts
        (F, B, M, M) whether the outcome without each part ranks i above j, a tie counting half, and
        (F, B, M) the parts of the first place; F is 1 if there is only the outcome as given.
    changes, first_changes
        (F, B, M, M) and (F, B, M) their differences from the outcome of everybody.
    strata
        (G, F) classes of the parts for each group's figures.
    """

    above: np.ndarray
    firsts: np.ndarray
    changes: np.ndarray
    first_changes: np.ndarray
    strata: np.ndarray

    @classmethod
    def of(cls, ranks: np.ndarray, without: Sequence[np.ndarray], strata: np.ndarray) -> "Outcomes":
        """From the responses' ranks, (B, M)."""
        every = np.stack([ranks, *without])  # (F + 1, B, M)
        above = (1 + np.sign(every[..., None, :] - every[..., :, None])) / 2
        firsts = (every == 1) / (every == 1).sum(axis=-1, keepdims=True)
        start = 1 if len(without) else 0
        return cls(
            above[start:],
            firsts[start:],
            above[start:] - above[0],
            firsts[start:] - firsts[0],
            strata,
        )

    def centred(self, changes: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """(C, F) what the parts change for cells of these groups, (C,), negated, with mean 0 by class."""
        out = np.empty_like(changes)
        for g in np.unique(groups):
            out[groups == g] = centred(changes[groups == g], self.strata[g])
        return out


@dataclass(frozen=True, eq=False)
class Batch:
    """Ballots, and the wins of the prompts, of the groups on them (cells) and of the annotators.

    Attributes
    ----------
    groups, owners, folds
        (K,) each ballot's group, the last of which stands for none, its prompt in the batch, and its part.
    weights, integer_weights
        (K,) weights.
    ranks, above, contested
        (K, M) ranks, 0 for none; (K, M, M) whether the ballot ranks i above j, and whether in addition two
        ballots of others disagree about the pair.
    cell_of, annotator_of
        (K,) the cell, prompt and group, of each ballot, and its annotator on the prompt.
    cell_prompts, cell_groups
        (C,) prompt and group of each cell.
    cells, totals, own
        (C, M, M), (B, M, M) and (K, M, M) wins of the cells, the prompts, and each ballot's annotator, in
        integer weights.
    together
        (K,) whether another member of the group has a ballot on the prompt.
    shape
        Numbers of prompts, of parts and of groups.
    blocks
        (B,) the block of prompts to which each belongs, if blocks and not prompts count as independent.
    """

    groups: np.ndarray
    owners: np.ndarray
    folds: np.ndarray
    weights: np.ndarray
    integer_weights: np.ndarray
    ranks: np.ndarray
    above: np.ndarray
    contested: np.ndarray
    cell_of: np.ndarray
    annotator_of: np.ndarray
    cell_prompts: np.ndarray
    cell_groups: np.ndarray
    cells: np.ndarray
    totals: np.ndarray
    own: np.ndarray
    together: np.ndarray
    shape: tuple[int, int, int]
    blocks: np.ndarray | None

    @classmethod
    def of(
        cls,
        profiles: Profiles,
        grouping: Grouping,
        folds: np.ndarray,
        n_folds: int,
        blocks: np.ndarray | None = None,
    ) -> "Batch":
        """Add up the wins."""
        ranks = np.asarray(profiles.ranks).T.astype(np.int64)  # (K, M)
        named = ranks > 0
        above = (ranks[:, :, None] < ranks[:, None, :]) & named[:, :, None] & named[:, None, :]
        owners, integers = np.asarray(profiles.owners), np.asarray(profiles.integer_weights)
        wins, n = above * integers[:, None, None], len(grouping.names)
        groups = grouping.owners[profiles.annotators]
        groups = np.where(groups >= 0, groups, n)
        cell_keys, cell_of = np.unique(owners * (n + 1) + groups, return_inverse=True)
        people = owners * len(grouping.owners) + profiles.annotators
        annotator_of = np.unique(people, return_inverse=True)[1]
        of_cell, of_annotator = (
            np.bincount(index, integers)[index] for index in (cell_of, annotator_of)
        )
        own = summed(wins, annotator_of)[annotator_of]
        apart = np.asarray(profiles.wins)[owners] - own > 0
        return cls(
            groups=groups,
            owners=owners,
            folds=folds[profiles.annotators],
            weights=np.asarray(profiles.weights, float),
            integer_weights=integers,
            ranks=ranks,
            above=above,
            contested=above & apart & apart.transpose(0, 2, 1),
            cell_of=cell_of,
            annotator_of=annotator_of,
            cell_prompts=cell_keys // (n + 1),
            cell_groups=cell_keys % (n + 1),
            cells=summed(wins, cell_of),
            totals=np.asarray(profiles.wins),
            own=own,
            together=of_cell > of_annotator,
            shape=(profiles.n_prompts, n_folds, n + 1),
            blocks=blocks,
        )

    @property
    def stated(self) -> np.ndarray:
        """(K,) contested pairs of each ballot."""
        return np.asarray(self.contested.sum(axis=(1, 2)))

    def of_ballots(self, outcomes: Outcomes, no_first: np.ndarray) -> list[np.ndarray]:
        """(K,) pairs agreed and stated, contested pairs agreed and stated, first places and 1."""
        fold = self.folds if len(outcomes.above) > 1 else np.zeros_like(self.folds)
        above = outcomes.above[fold, self.owners]  # (K, M, M)
        firsts = outcomes.firsts[fold, self.owners]
        return [
            (self.above * above).sum(axis=(1, 2)),
            self.above.sum(axis=(1, 2)),
            (self.contested * above).sum(axis=(1, 2)),
            self.stated,
            (firsts * (self.ranks == 1)).sum(axis=1) * ~no_first,
            np.ones(len(fold)),
        ]

    def measure(self, outcomes: Outcomes, no_first: np.ndarray, sums: Sums) -> list[np.ndarray]:
        """Add agreement over all pairs, over contested pairs, and on first places; see `of_ballots`."""
        of_ballots = self.of_ballots(outcomes, no_first)
        columns = [self.dense(values) for values in of_ballots]
        firsts = (self.ranks == 1) & ~no_first[:, None]
        effects = [self.effects(outcomes, table) for table in (self.above, self.contested)]
        effects.append(self.effects(outcomes, firsts))
        for n, name in enumerate(("pairs", "contested", "first_place")):
            sums[name].add(columns[2 * n], columns[2 * n + 1], effects[n], blocks=self.blocks)
        of_group = columns[5].sum(axis=1, keepdims=True)  # (B, 1, G) weight on the prompt
        of_prompt = of_group.sum(axis=2, keepdims=True)
        deserved = columns[3] * ratio(np.ones_like(of_prompt), of_prompt, 0.0)
        received, change = (
            x * ratio(np.ones_like(of_group), of_group, 0.0) for x in (columns[2], effects[1])
        )
        sums["representation_ratio"].add(received, deserved, change, blocks=self.blocks)
        return of_ballots

    def dense(self, values: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
        """(B, F, G) sums of the ballots' values by weight."""
        B, F, G = self.shape
        keys = (self.owners * F + self.folds) * G + self.groups
        weighted = values * (self.weights if times is None else times)
        return np.asarray(np.bincount(keys, weighted, B * F * G).reshape(B, F, G))

    def spread_cells(self, values: np.ndarray) -> np.ndarray:
        """(B, F, G) from values by cell and part, (C, F)."""
        out = np.zeros(self.shape).transpose(0, 2, 1)  # (B, G, F)
        out[self.cell_prompts, self.cell_groups] = values
        return out.transpose(0, 2, 1)

    def effects(self, outcomes: Outcomes, table: np.ndarray) -> np.ndarray:
        """(B, F, G) what leaving out a part changes for the others: pairs, (K, M, M), or places, (K, M)."""
        pairs = table.ndim == 3
        changes = outcomes.changes if pairs else outcomes.first_changes
        if len(changes) != self.shape[1] or len(changes) == 1:
            return np.zeros(self.shape)
        axes = (1, 2) if pairs else (1,)
        weighted = table * self.weights.reshape(-1, *[1] * len(axes))
        of_cells, C = summed(weighted, self.cell_of), len(self.cell_prompts)
        values = np.zeros((C, len(changes)))
        for f, change in enumerate(changes):
            if not change.any():
                continue
            ballots = np.flatnonzero(self.folds == f)
            own = (weighted[ballots] * change[self.owners[ballots]]).sum(axis=axes)
            values[:, f] = (of_cells * change[self.cell_prompts]).sum(axis=axes)
            values[:, f] -= np.bincount(self.cell_of[ballots], own, C)
        return self.spread_cells(outcomes.centred(values, self.cell_groups))

    def measure_positions(self, outcomes: Outcomes, sums: Sums) -> None:
        """Add what positions and costs are made of, on prompts whose orders can be searched."""
        contested = self.contested * self.together[:, None, None]
        outcome = outcomes.above[self.folds if len(outcomes.above) > 1 else 0, self.owners]
        rest = self.totals[self.cell_prompts] - self.cells  # (C, M, M)
        has_rest = (rest > 0).any(axis=(1, 2))[self.cell_of]
        without = above_in_optimal_orders(self.cells[self.cell_of] - self.own)  # (K, M, M)
        full = above_in_optimal_orders(self.cells)
        others = above_in_optimal_orders(rest)[self.cell_of]
        agreed, best, of_others = (
            (contested * above).sum(axis=(1, 2)) for above in (outcome, without, others)
        )
        stated = contested.sum(axis=(1, 2))
        effects = self.effects(outcomes, contested)
        weighted = contested * self.weights[:, None, None]
        own_effects = self.own_effects(summed(weighted, self.cell_of), weighted, without, full)
        a, s, b = (self.dense(values) for values in (agreed, stated, best))
        sums["agreed"].add(a, s, effects, blocks=self.blocks)
        sums["best"].add(b, s, own_effects)
        part, whole = (self.dense(values * has_rest) for values in (of_others, stated))
        sums["others"].add(part, whole)
        sums["position"].add(a - s / 2, b - s / 2, effects, own_effects, blocks=self.blocks)
        self.measure_costs(outcomes, outcome, without, full, sums["cost"])

    def own_effects(
        self, tables: np.ndarray, of_ballots: np.ndarray, without: np.ndarray, full: np.ndarray
    ) -> np.ndarray:
        """(B, F, G) what leaving out members of a group changes, by the group's own ranking.

        Parameters
        ----------
        tables
            (C, M, M) the contested pairs of those who are affected, by the cell of the members.
        of_ballots
            (K, M, M) what each ballot has in that table.
        without, full
            (K, M, M) and (C, M, M) the group's rankings without each ballot's annotator, and of everybody.
        """
        affected = tables[self.cell_of] - summed(of_ballots, self.annotator_of)[self.annotator_of]
        change = (affected * (without - full[self.cell_of])).sum(axis=(1, 2))
        change = (
            change / np.bincount(self.annotator_of)[self.annotator_of]
        )  # one of several ballots
        mean = np.bincount(self.cell_of, change) / np.bincount(self.cell_of)
        return self.dense(mean[self.cell_of] - change, np.ones(len(change)))

    def measure_costs(
        self,
        outcomes: Outcomes,
        outcome: np.ndarray,
        without: np.ndarray,
        full: np.ndarray,
        sums: ClusteredSums,
    ) -> None:
        """Add what those outside of each cell's group would lose if its own ranking were the outcome."""
        weighted = self.contested * self.weights[:, None, None]
        agreed = self.dense((self.contested * outcome).sum(axis=(1, 2)))
        stated, effects = self.dense(self.stated), self.effects(outcomes, self.contested)
        present = self.spread_cells(np.ones((len(self.cell_prompts), 1)))  # (B, F, G)
        now, whole, changes = (
            (x.sum(axis=2, keepdims=True) - x) * present for x in (agreed, stated, effects)
        )
        then = np.zeros((len(self.cell_prompts), self.shape[1]))
        for f in range(self.shape[1]):
            ballots = np.flatnonzero(self.folds == f)
            tables = summed(weighted[ballots], self.owners[ballots], self.shape[0])
            then[:, f] = (tables[self.cell_prompts] * full).sum(axis=(1, 2))
            own = (weighted[ballots] * full[self.cell_of[ballots]]).sum(axis=(1, 2))
            then[:, f] -= np.bincount(self.cell_of[ballots], own, len(then))
        outside = summed(weighted, self.owners)[self.cell_prompts] - summed(weighted, self.cell_of)
        nothing = np.zeros((len(self.weights), 1, 1))
        own_effects = self.own_effects(outside, nothing, without, full)
        lost = now - self.spread_cells(then)
        sums.add(lost, whole, changes - own_effects, blocks=self.blocks)


def summed(values: np.ndarray, index: np.ndarray, n: int = 0) -> np.ndarray:
    """(n, ...) sums of tables, (K, ...), that have the same index, (K,)."""
    n = max(n, int(index.max(initial=-1)) + 1)
    out = np.zeros((n, *values.shape[1:]))
    np.add.at(out, index, values)
    return out


def centred(changes: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """(..., F) what parts change, negated, with mean 0 over the parts of each stratum, (F,).

    Examples
    --------
    >>> centred(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 1]))
    array([ 1., -1.,  0.])
    """
    _, index, counts = np.unique(strata, return_inverse=True, return_counts=True)
    one_hot = np.eye(len(counts))[index]  # (F, strata)
    return np.asarray((changes @ one_hot / counts) @ one_hot.T - changes)
