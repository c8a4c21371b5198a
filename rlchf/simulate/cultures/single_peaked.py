"""Single-peaked preferences."""

from typing import Literal

import numpy as np

from rlchf.simulate.polls import Poll, Votes, random_orders


def single_peaked(poll: Poll, *, method: Literal["walsh", "conitzer"] = "walsh") -> Votes:
    """On an axis of each prompt's responses, every ballot falls from its first place to both sides.

    Parameters
    ----------
    method
        "walsh" draws all single-peaked ballots with equal probability; "conitzer" draws the first place
        from all responses, and then goes on to the left or to the right with equal probability.

    References
    ----------
    T. Walsh, "Generating single peaked votes", 2015; V. Conitzer, "Eliciting single-peaked preferences
    using comparison queries", 2009.
    """
    along = (_walsh if method == "walsh" else _conitzer)(poll)  # (M, K) by position on the axis
    axes = random_orders(
        (poll.n_prompts, poll.n_responses), poll.rng
    )  # the position of each response
    position = axes[poll.prompts].T
    return Votes(np.ascontiguousarray(np.take_along_axis(along, position, axis=0)))


def _walsh(poll: Poll) -> np.ndarray:
    """From the last place on: one of the two ends of what is left."""
    M, K = poll.n_responses, poll.n_ballots
    ranks = np.zeros((M, K), dtype=np.int16)
    left, right, ballots = np.zeros(K, dtype=np.int64), np.full(K, M - 1), np.arange(K)
    for rank in range(M, 0, -1):
        takes_left = poll.rng.random(K) < 0.5
        ranks[np.where(takes_left, left, right), ballots] = rank
        left += takes_left
        right -= ~takes_left
    return ranks


def _conitzer(poll: Poll) -> np.ndarray:
    """From the first place on: a neighbour of what is ranked, to the left or to the right."""
    M, K = poll.n_responses, poll.n_ballots
    ranks = np.zeros((M, K), dtype=np.int16)
    peak, ballots = poll.rng.integers(M, size=K), np.arange(K)
    ranks[peak, ballots] = 1
    left, right = peak - 1, peak + 1
    for rank in range(2, M + 1):
        goes_left = ((poll.rng.random(K) < 0.5) & (left >= 0)) | (right >= M)
        ranks[np.where(goes_left, left, right), ballots] = rank
        left -= goes_left
        right += ~goes_left
    return ranks
