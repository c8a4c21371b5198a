"""Collective rankings of an earlier run that stay as they are."""

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.rankings import Rankings

SAME = "give the earlier output, and ballots of all its prompts with the same responses"


def frozen_orders(rankings: Rankings, earlier: Aggregation | None) -> np.ndarray:
    """The orders of the prompts that are decided already.

    Returns
    -------
    (R,) int64, the responses of each prompt from first to last, numbered within the prompt, and -1 where a
    prompt is still to be decided; (0,) without an earlier output.

    Raises
    ------
    ValueError
        If the rankings lack a prompt of the earlier output, a prompt has other responses there, or some of
        them are tied.

    Examples
    --------
    >>> import rlchf
    >>> ballots = [("p", "ann", "b > a"), ("q", "ann", "x > y > z")]
    >>> earlier = rlchf.aggregate(Rankings.from_ballots(ballots[:1]), "cpb")
    >>> frozen_orders(Rankings.from_ballots(ballots), earlier)
    array([ 1,  0, -1, -1, -1])
    """
    if earlier is None:
        return np.zeros(0, dtype=np.int64)
    sizes = np.diff(earlier.response_starts)
    cells = np.concatenate(
        [np.zeros(0, dtype=np.int64), *(_cells(rankings, earlier, p) for p in range(len(earlier)))]
    )
    ranks, starts = earlier.response_ranks, earlier.response_starts[:-1]
    if (tied := np.maximum.reduceat(ranks, starts) < sizes).any():
        prompt = earlier.prompt_ids[int(np.argmax(tied))]
        raise ValueError(
            f"frozen, prompt {prompt!r}: has ties, and a rule across prompts decides every pair; give "
            "collective rankings without ties"
        )
    first = np.repeat(
        rankings.response_starts[[rankings.prompt_index[p] for p in earlier.prompt_ids]], sizes
    )
    orders = np.full(len(rankings.response_ids), -1, dtype=np.int64)
    orders[first + ranks - 1] = cells - first
    return orders


def _cells(rankings: Rankings, earlier: Aggregation, p: int) -> np.ndarray:
    """The numbers of a decided prompt's responses among all those of the rankings."""
    prompt = earlier.prompt_ids[p]
    if prompt not in rankings.prompt_index:
        raise ValueError(f"frozen, prompt {prompt!r}: is not in {rankings.source}; {SAME}")
    start = rankings.response_starts[rankings.prompt_index[prompt]]
    decided = earlier.response_ids[earlier.response_starts[p] : earlier.response_starts[p + 1]]
    offered = rankings.responses(prompt)
    if decided == offered:
        return np.asarray(start + np.arange(len(offered)))
    where = {response: i for i, response in enumerate(offered)}
    if unknown := [response for response in decided if response not in where]:
        raise ValueError(
            f"frozen, prompt {prompt!r}: response {unknown[0]!r} is not in {rankings.source}; {SAME}"
        )
    if missing := sorted(set(offered) - set(decided)):
        raise ValueError(
            f"frozen, prompt {prompt!r}: there is no response {missing[0]!r}, which is in "
            f"{rankings.source}; {SAME}"
        )
    return np.asarray(start + np.array([where[response] for response in decided]))
