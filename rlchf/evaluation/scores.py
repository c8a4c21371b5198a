"""Scores of responses, in the order of the ranked responses."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from rlchf.aggregation import Aggregation
from rlchf.preferences import Example
from rlchf.rankings import Rankings

Scores = Mapping[str, Mapping[str, float]]
"""A number for each response of each prompt: ``scores[prompt_id][response_id]``."""


def by_response(examples: Sequence[Example], scores: Sequence[Sequence[float]]) -> Scores:
    """Name the scores (K,) of each example's responses.

    Examples
    --------
    >>> by_response([Example("p", "Hi", ["a", "b"], ["Hello.", "Go."], [1, 2])], [[0.5, -1.0]])
    {'p': {'a': 0.5, 'b': -1.0}}
    """
    return {
        example.prompt_id: dict(zip(example.response_ids, map(float, given), strict=True))
        for example, given in zip(examples, scores, strict=True)
    }


def scored(prompt_ids: Sequence[str], scores: Scores) -> np.ndarray:
    """The prompts that have scores, as indices."""
    return np.flatnonzero([prompt in scores for prompt in prompt_ids])


def flat(ranked: Rankings | Aggregation, prompts: np.ndarray, scores: Scores) -> np.ndarray:
    """The scores of some prompts' responses, end to end, in the order in which they are ranked.

    Raises
    ------
    ValueError
        If a response has no score, or one that is not a finite number.
    """
    values: list[float] = []
    starts = ranked.response_starts.tolist()
    for p in prompts.tolist():
        prompt = ranked.prompt_ids[p]
        for response in ranked.response_ids[starts[p] : starts[p + 1]]:
            score = scores[prompt].get(response)
            if score is None:
                raise ValueError(
                    f"the scores of prompt {prompt!r} lack response {response!r}, which is ranked; "
                    "score it, or leave the prompt out of the scores"
                )
            if not math.isfinite(score):
                raise ValueError(
                    f"the score of response {response!r} of prompt {prompt!r} is {score}; "
                    "give finite numbers"
                )
            values.append(score)
    return np.array(values, dtype=np.float64)
