"""Agreement of ballots with rankings that were made without them."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from rlchf.aggregation import Aggregation, aggregate
from rlchf.auditing._batch import Batch, Outcomes
from rlchf.auditing._orders import LARGEST
from rlchf.auditing.estimates import ClusteredSums, Estimate
from rlchf.auditing.groups import Grouping
from rlchf.numeric.chunks import TABLE, chunks
from rlchf.numeric.ratios import ratio
from rlchf.numeric.segments import ranges
from rlchf.rankings import Rankings
from rlchf.rules import get_rule, is_across, rule_names
from rlchf.rules._parts.threads import processors

FOLDS = 20
"""Usual number of parts of the annotators, each of which is left out once; up to so many one by one."""

BLOCKS = 10
"""Blocks of consecutive prompts of a rule across prompts, at most."""

IN_BLOCK = 5
"""Prompts in such a block, at least."""

CELLS = 2**22
"""Ballots times squared responses of the largest prompt that is measured."""

SHARES = ("pairs", "contested", "first_place", "representation_ratio")
OF_BALLOTS = ("best", "others")  # whatever the outcome
BEYOND = ("representation_ratio", "position", "cost")  # may be below 0 or above 1
POSITIONS = ("agreed", "best", "others", "position", "cost")

Tick = Callable[[int, int], object]
"""``tick(done, total)``."""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Agreement of all ballots with rankings that were made without their annotators.

    Attributes
    ----------
    sums
        For each figure of ``SHARES`` and ``POSITIONS`` its sums by group; the last group is nobody's.
    annotators
        (A, 6) each annotator's pairs agreed and stated, contested pairs agreed and stated, first places and
        ballots, by weight.
    ballots
        (N, 6) the same of each ballot, without its weight; 0 on prompts that are not measured.
    compared
        (A,) whether a ballot of the annotator is compared with those of other members of the group.
    again
        Whether the outcome was made again without each ballot; else it is the outcome as given.
    prompts, large, left_out
        Number of prompts, of those with more than eight responses, which have no positions, and of those that
        are too large for any figure.
    ballots_per_prompt
        Mean number of ballots on a prompt.
    """

    sums: dict[str, ClusteredSums]
    annotators: np.ndarray
    ballots: np.ndarray
    compared: np.ndarray
    again: bool
    prompts: int
    large: int
    left_out: int
    ballots_per_prompt: float

    def estimate(self, figure: str, *groups: int) -> Estimate:
        """A figure over the ballots of some groups, by default of everybody."""
        sums = self.sums[figure]
        return sums.estimate(groups or range(sums.n_groups), share=figure not in BEYOND)


def leave_out(
    rankings: Rankings,
    result: Aggregation,
    grouping: Grouping,
    n_folds: int = FOLDS,
    tick: Tick | None = None,
    ranks: list[np.ndarray] | None = None,
) -> LeftOut:
    """Measure every ballot against rankings that were made without its annotator.

    Contested are the pairs about which two ballots of other annotators disagree: a pair that is contested
    only because of this ballot would count against it.

    Parameters
    ----------
    n_folds, tick
        As in `standings`.
    ranks
        What `outcomes_without` gives, if it is known.
    """
    if ranks is None:
        ranks = outcomes_without(rankings, result, grouping, n_folds, tick)
    return leave_out_each(rankings, [result], grouping, n_folds, [ranks])[0]


def leave_out_each(
    rankings: Rankings,
    results: Sequence[Aggregation],
    grouping: Grouping,
    n_folds: int,
    ranks: Sequence[list[np.ndarray]],
    tick: Tick | None = None,
    *,
    sequential: Sequence[bool] | None = None,
) -> list[LeftOut]:
    """What `leave_out` measures, of several outcomes: what does not depend on them is done once.

    Parameters
    ----------
    ranks
        What `outcomes_without` gives for each outcome.
    tick
        Called with the number of batches done and of all.
    sequential
        Whether a rule across prompts made each outcome; by default as `is_sequential` says.
    """
    folds = folds_of(grouping, n_folds or FOLDS)
    A, G, F = len(folds), len(grouping.names) + 1, int(folds.max()) + 1
    strata = strata_of(grouping, folds)
    own = {name: ClusteredSums(G, F) for name in OF_BALLOTS}
    blocked = sequential or [is_sequential(result.rule) for result in results]
    each = [_Measured.empty(rankings, across, own, (A, G, F)) for across in blocked]
    compared, no_first = np.zeros(A, dtype=bool), _without_first(rankings)
    batches = list(_batches(rankings, F * G))
    with ThreadPoolExecutor(min(processors(), len(results))) as pool:
        for done, prompts in enumerate(batches, start=1):
            profiles = rankings.batch(prompts)
            M = profiles.n_responses
            cells = rankings.response_starts[prompts][:, None] + np.arange(M)  # (B, M)
            batch = Batch.of(profiles, grouping, folds, F)
            counts = np.diff(rankings.ballot_starts)[prompts]
            ballots = ranges(rankings.ballot_starts[prompts], counts)
            if M <= LARGEST:
                batch.measure_own(own)
                compared[profiles.annotators[batch.together & (batch.stated > 0)]] = True

            def measure(n: int, batch: Batch = batch, cells: np.ndarray = cells,
                        prompts: np.ndarray = prompts, ballots: np.ndarray = ballots,
                        annotators: np.ndarray = profiles.annotators) -> None:  # fmt: skip
                outcome = results[n].response_ranks[cells]
                outcomes = Outcomes.of(outcome, [r[cells] for r in ranks[n]], strata)
                each[n].add(batch, outcomes, no_first[ballots], prompts, ballots, annotators)

            _ = batch.tables  # made once, not by each thread
            list(pool.map(measure, range(len(results))))
            if tick:
                tick(done, len(batches))
    for one in each:
        for of_figure in one.sums.values():
            of_figure.close_blocks()
    sizes = np.diff(rankings.response_starts)
    return [
        LeftOut(
            one.sums, one.annotators, one.ballots, compared, bool(of_one), rankings.n_prompts,
            large=int((sizes > LARGEST).sum()), left_out=int((~measured_prompts(rankings)).sum()),
            ballots_per_prompt=rankings.n_ballots / max(rankings.n_prompts, 1),
        )
        for one, of_one in zip(each, ranks, strict=True)
    ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is summed up for one outcome; see `LeftOut`."""

    sums: dict[str, ClusteredSums]
    annotators: np.ndarray
    ballots: np.ndarray
    blocks: np.ndarray | None

    @classmethod
    def empty(
        cls,
        rankings: Rankings,
        sequential: bool,
        own: dict[str, ClusteredSums],
        shape: tuple[int, int, int],
    ) -> "_Measured":
        A, G, F = shape
        blocks = blocks_of(rankings.n_prompts) if sequential else None
        n_blocks = 0 if blocks is None else int(blocks.max()) + 1
        sums = {
            name: own[name] if name in own else ClusteredSums(G, F, n_blocks)
            for name in (*SHARES, *POSITIONS)
        }
        return cls(sums, np.zeros((A, 6)), np.zeros((rankings.n_ballots, 6)), blocks)

    def add(
        self,
        batch: Batch,
        outcomes: Outcomes,
        no_first: np.ndarray,
        prompts: np.ndarray,
        ballots: np.ndarray,
        annotators: np.ndarray,
    ) -> None:
        """Add the ballots on some prompts."""
        blocks = None if self.blocks is None else self.blocks[prompts]
        positions = batch.ranks.shape[1] <= LARGEST
        columns = batch.measure(outcomes, no_first, self.sums, blocks, positions=positions)
        for column, values in enumerate(columns):
            weighted = values * batch.weights
            self.annotators[:, column] += np.bincount(annotators, weighted, len(self.annotators))
            self.ballots[ballots, column] = values


def is_sequential(rule: str) -> bool:
    """Whether a rule across prompts made the outcome."""
    return rule in rule_names() and is_across(get_rule(rule))


def blocks_of(n_prompts: int) -> np.ndarray:
    """(P,) blocks of consecutive prompts, for rules across prompts.

    Such a rule makes up on the next prompts for what it denied, so blocks count as independent, and not the
    prompts (the method of batch means).

    Examples
    --------
    >>> blocks_of(12)
    array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    """
    n = min(BLOCKS, max(n_prompts // IN_BLOCK, 2), n_prompts)
    return np.arange(n_prompts) * n // n_prompts


def measured_prompts(rankings: Rankings) -> np.ndarray:
    """(P,) whether each prompt is small enough, and has a pair."""
    sizes, ballots = np.diff(rankings.response_starts), np.diff(rankings.ballot_starts)
    return np.asarray(ballots * sizes**2 <= CELLS)


def _without_first(rankings: Rankings) -> np.ndarray:
    """(N,) whether a ballot says of all its responses that it does not approve them."""
    approvals = rankings.entry_approvals
    if approvals is None:
        return np.zeros(rankings.n_ballots, dtype=bool)
    lengths = np.diff(rankings.entry_starts)
    owners = np.repeat(np.arange(rankings.n_ballots), lengths)
    approved = np.bincount(owners, approvals == 1, rankings.n_ballots)
    tied = np.maximum.reduceat(rankings.entry_ranks, rankings.entry_starts[:-1]) == 1
    return np.asarray(rankings.states_approvals & (approved == 0) & tied)


def _batches(rankings: Rankings, columns: int) -> Iterator[np.ndarray]:
    """Prompts in parts that fit into memory."""
    sizes, measured = np.diff(rankings.response_starts), measured_prompts(rankings)
    for M in np.unique(sizes[(sizes >= 2) & measured]).tolist():
        kept = np.flatnonzero((sizes == M) & measured)
        ballots = float(np.diff(rankings.ballot_starts)[kept].mean())
        tables = 2**M if M <= LARGEST else M
        for part in chunks(len(kept), 2 * ballots * M * tables + 8 * columns, TABLE):
            yield kept[part]


def folds_of(grouping: Grouping, n_folds: int) -> np.ndarray:
    """(A,) the part in which each annotator is left out; members of a group are spread over the parts."""
    order = np.argsort(grouping.owners, kind="stable")
    folds = np.empty(len(order), np.int64)
    folds[order] = np.arange(len(order)) % max(n_folds, 1)
    return folds


def strata_of(grouping: Grouping, folds: np.ndarray) -> np.ndarray:
    """(G, F) classes of the parts for each group's figures; the last group is nobody's.

    Single annotators are compared with those of their group. Larger parts are compared with those that have
    as many members of the group whose figure it is: without two members, the others count for more than
    without one.
    """
    G, F = len(grouping.names) + 1, int(folds.max()) + 1
    if len(folds) == F:
        return np.tile(grouping.owners[np.argsort(folds)], (G, 1))
    members = np.zeros((G, F), np.int64)
    np.add.at(members, (grouping.owners, folds), 1)  # -1, for none, is the last
    return members


def outcomes_without(
    rankings: Rankings,
    result: Aggregation,
    grouping: Grouping,
    n_folds: int,
    tick: Tick | None = None,
    *,
    named: bool = False,
) -> list[np.ndarray]:
    """The responses' ranks without each part of the annotators; none if the rule gives other ranks.

    Parameters
    ----------
    named
        Whether the user named the rule, so that ``module:function`` is loaded; a file that names one is not
        enough for that.
    """
    if not n_folds or (result.rule not in rule_names() and not named):
        return []
    folds = folds_of(grouping, n_folds)
    kept = np.flatnonzero(measured_prompts(rankings))
    if is_across(get_rule(result.rule)):
        kept = np.arange(rankings.n_prompts)
    if len(kept) == 0:
        return []
    sizes, n = np.diff(rankings.response_starts), int(folds.max()) + 1
    cells = ranges(rankings.response_starts[kept], sizes[kept])
    rankings = rankings.subset(kept)
    ranks = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said when the outcome was made
        try:
            again = aggregate(rankings, result.rule, **result.options)
            if (again.response_ranks != result.response_ranks[cells]).any():
                return []
            for f in range(n):
                if tick:
                    tick(f, n)
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
    factors = factors_without(rankings, grouping, left_out)
    return rankings.weighted(dict(zip(rankings.annotator_ids, factors.tolist(), strict=True)))


def factors_without(rankings: Rankings, grouping: Grouping, left_out: np.ndarray) -> np.ndarray:
    """(A,) factors of the annotators' weights with which some annotators, (A,), are left out."""
    weights = np.bincount(
        rankings.ballot_annotators, rankings.ballot_weights, len(rankings.annotator_ids)
    )
    groups = grouping.owners + 1
    rest = np.bincount(groups, weights * ~left_out)[groups]
    return np.asarray(ratio(np.bincount(groups, weights)[groups], rest, 1.0) * ~left_out)
