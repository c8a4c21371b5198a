"""People whose weight is 0: their ballots change no result, and they are no part of a sample."""

import numpy as np

from rlchf.numeric.segments import offsets
from rlchf.rankings import Rankings


def without_absent(rankings: Rankings) -> Rankings:
    """The same dataset without annotators all of whose ballots weigh 0, so that nothing counts them.

    Those who alone have ballots on some prompt stay, since a prompt needs a ballot.

    Examples
    --------
    >>> ballots = [("p", "ann", "a > b"), ("p", "bob", "b > a")]
    >>> without_absent(Rankings.from_ballots(ballots).weighted({"bob": 0.0})).annotator_ids
    ['ann']
    """
    A, P = len(rankings.annotator_ids), len(rankings.prompt_ids)
    annotators, prompts = rankings.ballot_annotators, rankings.ballot_prompts
    cast = np.bincount(annotators, minlength=A) > 0
    weighs = np.bincount(annotators, rankings.ballot_weights, A) > 0
    served = np.bincount(prompts, weighs[annotators], P) > 0
    absent = cast & ~weighs & (np.bincount(annotators, ~served[prompts], A) == 0)
    if not absent.any():
        return rankings
    kept = rankings.with_ballots(np.flatnonzero(~absent[annotators]))
    starts = offsets(np.bincount(prompts[~absent[annotators]], minlength=P))
    codes = np.cumsum(~absent) - 1
    return kept.with_ballots(
        np.arange(kept.n_ballots),
        annotator_ids=[one for one, gone in zip(rankings.annotator_ids, absent, strict=True) if not gone],
        ballot_annotators=codes[kept.ballot_annotators],
        ballot_starts=starts,
    )  # fmt: skip
