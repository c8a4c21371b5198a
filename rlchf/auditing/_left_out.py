"""Agreement of ballots with rankings that were made without them."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing._orders import LARGEST, above_in_optimal_orders
from rlchf.auditing.groups import Grouping
from rlchf.numeric.chunks import TABLE, chunks
from rlchf.numeric.ratios import ratio
from rlchf.numeric.segments import ranges
from rlchf.profiles import Profiles
from rlchf.rankings import Rankings
from rlchf.rules import get_rule, is_across, rule_names

FOLDS = 20
"""Usual number of parts of the annotators, each of which is left out once; up to so many one by one."""

COLUMNS = ("stated", "agreed", "random", "best", "others", "others_stated")


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Contested pairs of each ballot, and what others would lose by group.

    Attributes
    ----------
    pairs
        (N, 6) weight of the contested pairs that each ballot states (``stated``), and of those that
        agree with the outcome, a random order, the ranking of the group's other members and the ranking
        of everybody outside of the group; and of the pairs that the last is about (``others_stated``).
    lost, others
        (G,) what moving to a group's own ranking would take from those outside, and their contested pairs.
    again
        Whether the outcome was made again without each ballot; else it is the outcome as given.
    """

    pairs: np.ndarray
    lost: np.ndarray
    others: np.ndarray
    again: bool


def leave_out(
    rankings: Rankings, result: Aggregation, grouping: Grouping, n_folds: int = FOLDS
) -> LeftOut:
    """Measure every ballot against rankings that were made without its annotator.

    Contested are the pairs about which two ballots of other annotators disagree: a pair that is contested
    only because of this ballot would count against it.

    Left out are prompts with more than eight responses, and ballots on prompts that no other member of the
    group ranks.
    """
    folds = _folds(grouping, n_folds)
    outcomes = _outcomes(rankings, result, grouping, folds) if n_folds else []
    ranks = np.stack(outcomes or [result.response_ranks])  # (F, R)
    fold_of = folds if outcomes else np.zeros_like(folds)
    G, counts = len(grouping.names), np.diff(rankings.ballot_starts)
    pairs, lost, others = np.zeros((rankings.n_ballots, len(COLUMNS))), np.zeros(G), np.zeros(G)
    for prompts, profiles in _batches(rankings):
        M = profiles.n_responses
        cells = rankings.response_starts[prompts][:, None] + np.arange(M)  # (B, M)
        fold = fold_of[profiles.annotators]
        placed = ranks[fold[:, None], cells[profiles.owners]]  # (K, M)
        credit = (1 + np.sign(placed[:, None, :] - placed[:, :, None])) / 2  # (K, M, M): i above j
        batch = _Batch.of(profiles, grouping)
        agreed = batch.agreement(credit)
        ballots = ranges(rankings.ballot_starts[prompts], counts[prompts])
        pairs[ballots] = batch.columns(agreed) * np.asarray(profiles.weights)[:, None]
        batch.add_losses(agreed, lost, others)
    return LeftOut(pairs, lost, others, bool(outcomes))


def _batches(rankings: Rankings) -> Iterator[tuple[np.ndarray, Profiles]]:
    """Prompts with up to eight responses, in parts that fit into memory."""
    for prompts, profiles in rankings.profiles():
        M = profiles.n_responses
        if not 2 <= M <= LARGEST:
            continue
        ballots = len(profiles.weights) / len(prompts)
        for part in chunks(len(prompts), 2 * ballots * M * 2**M, TABLE):
            yield prompts[part], profiles.part(part.start, part.stop)


def _folds(grouping: Grouping, n_folds: int) -> np.ndarray:
    """(A,) the part in which each annotator is left out; members of a group are spread over the parts."""
    order = np.argsort(grouping.owners, kind="stable")
    folds = np.empty(len(order), np.int64)
    folds[order] = np.arange(len(order)) % max(n_folds, 1)
    return folds


def _outcomes(
    rankings: Rankings, result: Aggregation, grouping: Grouping, folds: np.ndarray
) -> list[np.ndarray]:
    """The responses' ranks without each part of the annotators; none if the rule gives other ranks."""
    sizes = np.diff(rankings.response_starts)
    kept = np.flatnonzero(sizes <= LARGEST)
    if result.rule not in rule_names() or len(kept) == 0:
        return []
    if is_across(get_rule(result.rule)):
        kept = np.arange(rankings.n_prompts)
    cells = ranges(rankings.response_starts[kept], sizes[kept])
    rankings = rankings.subset(kept)
    ranks = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said when the outcome was made
        try:
            again = aggregate(rankings, result.rule, **result.options)
            if (again.response_ranks != result.response_ranks[cells]).any():
                return []
            for f in range(folds.max() + 1):
                part = _without(rankings, grouping, folds == f)
                ranks.append(result.response_ranks.copy())
                ranks[-1][cells] = aggregate(part, result.rule, **result.options).response_ranks
        except ValueError:
            return []
    return ranks


def _without(rankings: Rankings, grouping: Grouping, left_out: np.ndarray) -> Rankings:
    """The ballots of some annotators at weight 0; the rest of each group has the weight of the whole group.

    A proportional rule would give less to a group that has lost a member.
    """
    weights = np.bincount(
        rankings.ballot_annotators, rankings.ballot_weights, len(rankings.annotator_ids)
    )
    groups = grouping.owners + 1
    rest = np.bincount(groups, weights * ~left_out)[groups]
    factors = ratio(np.bincount(groups, weights)[groups], rest, 1.0) * ~left_out
    return rankings.weighted(dict(zip(rankings.annotator_ids, factors.tolist(), strict=True)))


@dataclass(frozen=True, eq=False)
class _Batch:
    """Ballots, and the wins of the prompts, of the groups on them (cells) and of the annotators.

    Attributes
    ----------
    groups
        (K,) each ballot's group; the last index stands for none.
    owners
        (K,) each ballot's prompt in the batch.
    weights
        (K,) integer weights.
    contested
        (K, M, M) whether the ballot ranks i above j, and two ballots of others disagree about the pair.
    cell_of
        (K,) the cell, prompt and group, of each ballot.
    cell_prompts, cell_groups
        (C,) prompt and group of each cell.
    cells, totals, own
        (C, M, M), (B, M, M) and (K, M, M) wins of the cells, the prompts, and each ballot's annotator.
    together
        (K,) whether another member of the group has a ballot on the prompt.
    scale
        (B,) integer weight divided by weight.
    n_groups
        Number of groups.
    """

    groups: np.ndarray
    owners: np.ndarray
    weights: np.ndarray
    contested: np.ndarray
    cell_of: np.ndarray
    cell_prompts: np.ndarray
    cell_groups: np.ndarray
    cells: np.ndarray
    totals: np.ndarray
    own: np.ndarray
    together: np.ndarray
    scale: np.ndarray
    n_groups: int

    @classmethod
    def of(cls, profiles: Profiles, grouping: Grouping) -> "_Batch":
        """Add up the wins."""
        ranks = np.asarray(profiles.ranks).T.astype(np.int64)  # (K, M)
        named = ranks > 0
        above = (ranks[:, :, None] < ranks[:, None, :]) & named[:, :, None] & named[:, None, :]
        owners, weights = np.asarray(profiles.owners), np.asarray(profiles.integer_weights)
        wins, n = above * weights[:, None, None], len(grouping.names)
        groups = grouping.owners[profiles.annotators]
        groups = np.where(groups >= 0, groups, n)
        cell_keys, cell_of = np.unique(owners * (n + 1) + groups, return_inverse=True)
        people = owners * len(grouping.owners) + profiles.annotators
        annotator_of = np.unique(people, return_inverse=True)[1]
        of_cell, of_annotator = (
            np.bincount(index, weights)[index] for index in (cell_of, annotator_of)
        )
        own = _sums(wins, annotator_of)[annotator_of]
        apart = np.asarray(profiles.wins)[owners] - own > 0
        return cls(
            groups=groups,
            owners=owners,
            weights=weights,
            contested=above & apart & apart.transpose(0, 2, 1),
            cell_of=cell_of,
            cell_prompts=cell_keys // (n + 1),
            cell_groups=cell_keys % (n + 1),
            cells=_sums(wins, cell_of),
            totals=np.asarray(profiles.wins),
            own=own,
            together=of_cell > of_annotator,
            scale=np.asarray(profiles.scale),
            n_groups=n,
        )

    def agreement(self, above: np.ndarray) -> np.ndarray:
        """(K,) contested pairs on which each ballot agrees with an order, (K, M, M)."""
        return np.asarray((self.contested * above).sum(axis=(1, 2)))

    def columns(self, agreed: np.ndarray) -> np.ndarray:
        """(K, 6) the columns of `LeftOut.pairs`, 0 for a ballot without another member's."""
        rest = self.totals[self.cell_prompts] - self.cells  # (C, M, M)
        has_rest = (rest > 0).any(axis=(1, 2))[self.cell_of]
        stated = self.agreement(np.ones(1))
        columns = [
            stated,
            agreed,
            self.agreement(above_in_optimal_orders(np.zeros((1, *rest.shape[1:])))),
            self.agreement(above_in_optimal_orders(self.cells[self.cell_of] - self.own)),
            self.agreement(above_in_optimal_orders(rest)[self.cell_of]) * has_rest,
            stated * has_rest,
        ]
        return np.asarray(np.stack(columns, axis=1) * self.together[:, None])

    def add_losses(self, agreed: np.ndarray, lost: np.ndarray, others: np.ndarray) -> None:
        """Add what those outside of each cell's group would lose if its own ranking were the outcome."""
        wins = self.contested * self.weights[:, None, None]
        outside = _sums(wins, self.owners)[self.cell_prompts] - _sums(
            wins, self.cell_of
        )  # (C, M, M)
        gained = agreed * self.weights
        now = np.bincount(self.owners, gained)[self.cell_prompts] - np.bincount(
            self.cell_of, gained
        )
        then = (outside * above_in_optimal_orders(self.cells)).sum(axis=(1, 2))
        scale, groups = self.scale[self.cell_prompts], self.cell_groups
        n = self.n_groups
        lost += np.bincount(groups, (now - then) / scale, n + 1)[:n]
        others += np.bincount(groups, outside.sum(axis=(1, 2)) / scale, n + 1)[:n]


def _sums(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(n, M, M) sums of tables, (K, M, M), that have the same index, (K,)."""
    out = np.zeros((int(index.max()) + 1, *values.shape[1:]))
    np.add.at(out, index, values)
    return out
