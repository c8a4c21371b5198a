"""Holding out the ballots of some annotators."""

import numpy as np

from rlchf.numeric.segments import offsets
from rlchf.rankings import Rankings


def split_annotators(rankings: Rankings, held_out: float, seed: int) -> tuple[Rankings, Rankings]:
    """Split the ballots at random into those of training annotators and those of held-out annotators.

    All ballots of an annotator are on one side. A prompt without ballots is left out of that side; the
    other prompts keep all their responses. To evaluate on the held-out annotators, give their ids to
    `evaluate` together with all ballots, which define the contested pairs.

    Parameters
    ----------
    held_out
        Fraction of annotators to hold out; rounded to whole annotators, at least one on each side.
    seed
        Random seed.

    Raises
    ------
    ValueError
        If the fraction is not between 0 and 1, or fewer than two annotators have ballots.

    Examples
    --------
    >>> ballots = [("p", name, "a > b") for name in ("ann", "bob", "cat", "dan", "eve")]
    >>> seen, unseen = split_annotators(Rankings.from_ballots(ballots), 0.4, seed=0)
    >>> seen.annotator_ids, unseen.annotator_ids
    (['ann', 'bob', 'dan'], ['cat', 'eve'])
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out is {held_out}; it must be above 0 and below 1")
    annotators = np.unique(rankings.ballot_annotators)
    if len(annotators) < 2:
        raise ValueError(
            f"{rankings.source}: only {len(annotators)} annotator has ballots; "
            "two are needed to hold one out"
        )
    n = min(max(round(held_out * len(annotators)), 1), len(annotators) - 1)
    drawn = np.random.default_rng(seed).permutation(annotators)[:n]
    unseen = np.isin(rankings.ballot_annotators, drawn)
    return _ballots(rankings, np.flatnonzero(~unseen)), _ballots(rankings, np.flatnonzero(unseen))


def _ballots(rankings: Rankings, ballots: np.ndarray) -> Rankings:
    """Some of the ballots, given as ascending indices, with the prompts and annotators that have one."""
    counts = np.bincount(rankings.ballot_prompts[ballots], minlength=rankings.n_prompts)
    kept, annotators = np.unique(rankings.ballot_annotators[ballots], return_inverse=True)
    chosen = rankings.with_ballots(
        ballots,
        annotator_ids=[rankings.annotator_ids[a] for a in kept],
        ballot_starts=offsets(counts),
        ballot_annotators=annotators.astype(np.int64),
    )
    return chosen.subset(np.flatnonzero(counts))
