"""Made texts, which say what is planted about a response."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rlchf.rankings import Rankings
from rlchf.simulate.polls import ranks_of

WORDS = ("terrible", "poor", "fair", "good", "excellent")
"""Words for the qualities of a prompt's responses, from the lowest to the highest."""


def prompt_records(rankings: Rankings) -> Iterator[dict[str, Any]]:
    """The prompts of a simulated dataset, as lines of a prompts file."""
    for prompt in rankings.prompt_ids:
        yield {"prompt_id": prompt, "prompt": f"This is question {prompt}. What is your answer?"}


def response_records(
    rankings: Rankings, quality: Mapping[str, np.ndarray]
) -> Iterator[dict[str, Any]]:
    """The responses of a simulated dataset, as lines of a responses file.

    A text names the response and says, for each taste, how good it is among the prompt's responses, so that
    a reward model can learn what is planted. The numbers stand beside it under ``quality``.

    Parameters
    ----------
    quality
        For each taste (P, M) numbers, higher is better.

    Examples
    --------
    >>> rankings = Rankings.from_ballots([("p", "ann", "a > b > c")])
    >>> rows = response_records(rankings, {"north": np.array([[2.0, 1.0, 0.0]])})
    >>> next(rows)["text"]
    'Answer a. For north it is excellent.'
    """
    levels = {taste: _levels(values) for taste, values in quality.items()}
    for p, prompt in enumerate(rankings.prompt_ids):
        for m, response in enumerate(rankings.responses(prompt)):
            words = [f"For {taste} it is {WORDS[level[p, m]]}." for taste, level in levels.items()]
            record = {"prompt_id": prompt, "response_id": response}
            record["text"] = " ".join([f"Answer {response}.", *words])
            planted = {taste: float(values[p, m]) for taste, values in quality.items()}
            yield record | ({"quality": planted} if planted else {})


def _levels(values: np.ndarray) -> np.ndarray:
    """(P, M) the word of each response: by its place among those of its prompt."""
    M = values.shape[1]
    levels = (M - ranks_of(values.T).T) / (M - 1) * (len(WORDS) - 1)
    return np.asarray(np.rint(levels).astype(np.int64))
