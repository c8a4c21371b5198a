"""Ballots as batches: prompts with equally many responses, as the rules read them."""

from typing import TYPE_CHECKING

import numpy as np

from rlchf.limits import check_memory
from rlchf.numeric.segments import offsets, ranges
from rlchf.profiles import UNSTATED, Profiles

if TYPE_CHECKING:
    from rlchf.rankings import Rankings

LARGE = 2**19
"""From this many ranks on, a compiled loop fills the table; below, loading it takes longer."""


def batch(rankings: "Rankings", prompts: np.ndarray) -> Profiles:
    """The ballots of some prompts, all of which have equally many responses; see `Rankings.batch`."""
    M = int(rankings.response_starts[prompts[0] + 1] - rankings.response_starts[prompts[0]])
    first = rankings.ballot_starts[prompts]
    counts = rankings.ballot_starts[prompts + 1] - first
    ballots = _slice_or_indices(first, counts)  # of K ballots
    check_memory(
        8.0 * M * int(counts.sum()),  # copies included
        f"a table of {M:,} responses by {int(counts.sum()):,} ballots",
        "give fewer responses on a prompt",
    )
    ranks, scores, approvals = _tables(rankings, M, first, counts)
    if rankings.unranked == "last":
        np.copyto(ranks, ranks.max(axis=0) + np.int16(1), where=ranks == 0)
    return Profiles(
        ranks=ranks,
        starts=offsets(counts),
        weights=rankings.ballot_weights[ballots],
        annotators=rankings.ballot_annotators[ballots],
        scores=scores,
        approvals=approvals,
        prompts=np.asarray(prompts) + rankings.first_prompt,
    )


def _slice_or_indices(first: np.ndarray, counts: np.ndarray) -> slice | np.ndarray:
    """The ballots of the prompts: a slice, which copies nothing, if they lie end to end."""
    if (first[1:] == first[:-1] + counts[:-1]).all():
        return slice(int(first[0]), int(first[-1] + counts[-1]))
    return ranges(first, counts)


def _tables(
    rankings: "Rankings", M: int, first: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """(M, K) ranks, 0 where a ballot names no response, and scores and approvals if there are any."""
    K = int(counts.sum())
    ranks = np.zeros((M, K), dtype=np.int16)
    plain = rankings.entry_scores is None and rankings.entry_approvals is None
    if plain and M * K >= LARGE:
        from rlchf.numeric.rank_tables import fill_ranks

        fill_ranks(
            ranks,
            (first, counts),
            (rankings.entry_starts, rankings.entry_responses, rankings.entry_ranks),
        )
        return ranks, None, None
    ballots = ranges(first, counts)
    lengths = rankings.entry_starts[ballots + 1] - rankings.entry_starts[ballots]
    entries = ranges(rankings.entry_starts[ballots], lengths)
    cells = rankings.entry_responses[entries], np.repeat(np.arange(K), lengths)
    ranks[cells] = rankings.entry_ranks[entries]
    scores = approvals = None
    if rankings.entry_scores is not None:
        scores = np.full(ranks.shape, np.nan)
        scores[cells] = rankings.entry_scores[entries]
    if rankings.entry_approvals is not None:
        approvals = np.empty(ranks.shape, dtype=np.int8)
        approvals[:] = np.where(rankings.states_approvals[ballots], 0, UNSTATED)
        approvals[cells] = rankings.entry_approvals[entries]
    return ranks, scores, approvals
