"""Ballots on some prompts, compared with rankings that were made without their annotators."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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
class Tables:
    """Pairs of the ballots by weight, (K, M, M), and their sums by cell, (C, M, M).

    All pairs, contested ones, and those of ballots that are together with another member's.
    """

    above: tuple[np.ndarray, np.ndarray]
    contested: tuple[np.ndarray, np.ndarray]
    compared: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class OwnRankings:
    """What does not depend on the outcome: (B, F, G) sums over ballots.

    The pairs stated, those that agree with the ranking of the group's other members, with that of everybody
    else, and those stated where there is somebody else; effects of leaving out a part on ``best``; what those
    outside would get by the group's ranking, and its effects.
    """

    stated: np.ndarray
    best: np.ndarray
    of_others: np.ndarray
    has_others: np.ndarray
    effects: np.ndarray
    then: np.ndarray
    cost_effects: np.ndarray


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

    @classmethod
    def of(
        cls,
        profiles: Profiles,
        grouping: Grouping,
        folds: np.ndarray,
        n_folds: int,
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
        )

    @cached_property
    def stated(self) -> np.ndarray:
        """(K,) contested pairs of each ballot."""
        return np.asarray(self.contested.sum(axis=(1, 2)))

    @cached_property
    def tables(self) -> "Tables":
        """What the figures of every outcome are made of."""
        return Tables(*map(self.by_weight, (self.above, self.contested, self.compared)))

    @cached_property
    def compared(self) -> np.ndarray:
        """(K, M, M) contested pairs of ballots that are together with another member's."""
        return np.asarray(self.contested & self.together[:, None, None])

    @cached_property
    def own_rankings(self) -> "OwnRankings":
        """The groups' own rankings and those of everybody else, whatever the outcome."""
        rest = self.totals[self.cell_prompts] - self.cells  # (C, M, M)
        without = above_in_optimal_orders(self.cells[self.cell_of] - self.own)  # (K, M, M)
        full = above_in_optimal_orders(self.cells)
        others = above_in_optimal_orders(rest)[self.cell_of]
        has_rest = (rest > 0).any(axis=(1, 2))[self.cell_of]
        best, of_others = ((self.compared * above).sum(axis=(1, 2)) for above in (without, others))
        stated = self.compared.sum(axis=(1, 2))
        weighted, of_cells = self.tables.compared
        own_effects = self.own_effects(of_cells, weighted, without, full)
        then, cost_effects = self._costs(without, full)
        return OwnRankings(
            stated=self.dense(stated),
            best=self.dense(best),
            of_others=self.dense(of_others * has_rest),
            has_others=self.dense(stated * has_rest),
            effects=own_effects,
            then=then,
            cost_effects=cost_effects,
        )

    def _costs(self, without: np.ndarray, full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(B, F, G) what those outside of each cell's group get by its own ranking, and its effects."""
        weighted, of_cells = self.tables.contested
        then = np.zeros((len(self.cell_prompts), self.shape[1]))
        for f in range(self.shape[1]):
            ballots = np.flatnonzero(self.folds == f)
            tables = summed(weighted[ballots], self.owners[ballots], self.shape[0])
            then[:, f] = (tables[self.cell_prompts] * full).sum(axis=(1, 2))
            own = (weighted[ballots] * full[self.cell_of[ballots]]).sum(axis=(1, 2))
            then[:, f] -= np.bincount(self.cell_of[ballots], own, len(then))
        outside = summed(weighted, self.owners)[self.cell_prompts] - of_cells
        nothing = np.zeros((len(self.weights), 1, 1))
        effects = self.own_effects(outside, nothing, without, full)
        return self.spread_cells(then), effects

    def by_weight(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs or places of the ballots, (K, ...), times their weights, and the sums of the cells."""
        weighted = table * self.weights.reshape(-1, *[1] * (table.ndim - 1))
        return weighted, summed(weighted, self.cell_of)

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

    def measure(
        self,
        outcomes: Outcomes,
        no_first: np.ndarray,
        sums: Sums,
        blocks: np.ndarray | None,
        *,
        positions: bool,
    ) -> list[np.ndarray]:
        """Add agreement over all pairs, over contested pairs, and on first places; see `of_ballots`.

        Parameters
        ----------
        blocks
            (B,) the block of prompts to which each belongs, if blocks and not prompts count as independent.
        positions
            Whether to add what positions and costs are made of, too, on prompts whose orders can be searched.
        """
        of_ballots = self.of_ballots(outcomes, no_first)
        columns = [self.dense(values) for values in of_ballots]
        firsts = self.by_weight((self.ranks == 1) & ~no_first[:, None])
        tables = (self.tables.above, self.tables.contested, firsts)
        effects = [self.effects(outcomes, *table) for table in tables]
        for n, name in enumerate(("pairs", "contested", "first_place")):
            sums[name].add(columns[2 * n], columns[2 * n + 1], effects[n], blocks=blocks)
        of_group = columns[5].sum(axis=1, keepdims=True)  # (B, 1, G) weight on the prompt
        of_prompt = of_group.sum(axis=2, keepdims=True)
        deserved = columns[3] * ratio(np.ones_like(of_prompt), of_prompt, 0.0)
        received, change = (
            x * ratio(np.ones_like(of_group), of_group, 0.0) for x in (columns[2], effects[1])
        )
        sums["representation_ratio"].add(received, deserved, change, blocks=blocks)
        if positions:
            self._measure_positions(outcomes, sums, blocks)
            self._measure_costs(columns[2], columns[3], effects[1], sums["cost"], blocks)
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

    def effects(self, outcomes: Outcomes, weighted: np.ndarray, of_cells: np.ndarray) -> np.ndarray:
        """(B, F, G) what leaving out a part changes for the others: pairs or places; see `by_weight`."""
        axes = tuple(range(1, weighted.ndim))
        changes = outcomes.changes if len(axes) == 2 else outcomes.first_changes
        if len(changes) != self.shape[1] or len(changes) == 1:
            return np.zeros(self.shape)
        changed = np.asarray(changes.any(axis=tuple(a + 1 for a in axes)))  # (F, B): few are
        C = len(self.cell_prompts)
        values = np.zeros((C, len(changes)))
        for f, change in enumerate(changes):
            if not changed[f].any():
                continue
            cells = np.flatnonzero(changed[f][self.cell_prompts])
            ballots = np.flatnonzero((self.folds == f) & changed[f][self.owners])
            own = (weighted[ballots] * change[self.owners[ballots]]).sum(axis=axes)
            values[cells, f] = (of_cells[cells] * change[self.cell_prompts[cells]]).sum(axis=axes)
            values[:, f] -= np.bincount(self.cell_of[ballots], own, C)
        return self.spread_cells(outcomes.centred(values, self.cell_groups))

    def measure_own(self, sums: Sums) -> None:
        """Add agreement with the groups' own rankings and with those of everybody else."""
        own = self.own_rankings
        sums["best"].add(own.best, own.stated, own.effects)
        sums["others"].add(own.of_others, own.has_others)

    def _measure_positions(self, outcomes: Outcomes, sums: Sums, blocks: np.ndarray | None) -> None:
        outcome = outcomes.above[self.folds if len(outcomes.above) > 1 else 0, self.owners]
        own, effects = self.own_rankings, self.effects(outcomes, *self.tables.compared)
        a, s = self.dense((self.compared * outcome).sum(axis=(1, 2))), own.stated
        sums["agreed"].add(a, s, effects, blocks=blocks)
        sums["position"].add(a - s / 2, own.best - s / 2, effects, own.effects, blocks=blocks)

    def _measure_costs(
        self,
        agreed: np.ndarray,
        stated: np.ndarray,
        effects: np.ndarray,
        sums: ClusteredSums,
        blocks: np.ndarray | None,
    ) -> None:
        """Add what those outside of each cell's group would lose if its own ranking were the outcome."""
        present = self.spread_cells(np.ones((len(self.cell_prompts), 1)))  # (B, F, G)
        now, whole, changes = (
            (x.sum(axis=2, keepdims=True) - x) * present for x in (agreed, stated, effects)
        )
        own = self.own_rankings
        sums.add(now - own.then, whole, changes - own.cost_effects, blocks=blocks)

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
