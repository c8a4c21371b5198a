"""Ballots as batches: prompts with equally many responses, as the rules read them."""

from typing import TYPE_CHECKING

import numpy as np

from rlchf.numeric.segments import offsets, ranges
from rlchf.profiles import UNSTATED, Profiles

if TYPE_CHECKING:
    from rlchf.rankings import Rankings


def batch(rankings: "Rankings", prompts: np.ndarray) -> Profiles:
    """The ballots of some prompts, all of which have equally many responses; see `Rankings.batch`."""
    M = int(rankings.response_starts[prompts[0] + 1] - rankings.response_starts[prompts[0]])
    counts = rankings.ballot_starts[prompts + 1] - rankings.ballot_starts[prompts]
    ballots = ranges(rankings.ballot_starts[prompts], counts)  # (K,)
    lengths = rankings.entry_starts[ballots + 1] - rankings.entry_starts[ballots]
    entries = ranges(rankings.entry_starts[ballots], lengths)
    cells = rankings.entry_responses[entries], np.repeat(np.arange(len(ballots)), lengths)
    ranks = np.zeros((M, len(ballots)), dtype=np.int16)
    ranks[cells] = rankings.entry_ranks[entries]
    if rankings.unranked == "last":
        np.copyto(ranks, ranks.max(axis=0) + np.int16(1), where=ranks == 0)
    scores = None
    if rankings.entry_scores is not None:
        scores = np.full(ranks.shape, np.nan)
        scores[cells] = rankings.entry_scores[entries]
    approvals = None
    if rankings.entry_approvals is not None:
        approvals = np.empty(ranks.shape, dtype=np.int8)
        approvals[:] = np.where(rankings.states_approvals[ballots], 0, UNSTATED)
        approvals[cells] = rankings.entry_approvals[entries]
    return Profiles(
        ranks=ranks,
        starts=offsets(counts),
        weights=rankings.ballot_weights[ballots],
        annotators=rankings.ballot_annotators[ballots],
        scores=scores,
        approvals=approvals,
        prompts=np.asarray(prompts),
    )
