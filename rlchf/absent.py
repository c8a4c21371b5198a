"""People whose weight is 0: their ballots change no result, and they are no part of a sample."""

from dataclasses import replace

import numpy as np

from rlchf.numeric.segments import offsets
from rlchf.rankings import Rankings


def without_absent(rankings: Rankings) -> Rankings:
    """The same dataset without the ballots of annotators who weigh 0, so that nothing counts them.

    On a prompt where nobody else has a ballot, theirs stay, since a prompt needs one.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b"), ("p", "bob", "b > a")]
    >>> without_absent(Rankings.from_ballots(ballots).weighted({"bob": 0.0})).annotator_ids
    ['ann']
    """
    A, P = len(rankings.annotator_ids), len(rankings.prompt_ids)
    annotators, prompts = rankings.ballot_annotators, rankings.ballot_prompts
    weighs = np.bincount(annotators, rankings.ballot_weights, A)[annotators] > 0
    served = np.bincount(prompts, weighs, P)[prompts] > 0
    kept = np.flatnonzero(weighs | ~served)
    if len(kept) == len(annotators):
        return rankings
    present = np.bincount(annotators[kept], minlength=A) > 0
    codes = np.cumsum(present) - 1
    return replace(
        rankings.with_ballots(kept),
        annotator_ids=[one for one, stays in zip(rankings.annotator_ids, present, strict=True) if stays],
        ballot_annotators=codes[annotators[kept]],
        ballot_starts=offsets(np.bincount(prompts[kept], minlength=P)),
    )  # fmt: skip
