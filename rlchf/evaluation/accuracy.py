"""Pair accuracy: how many strict pairs of examples the scores put in the right order."""

from collections.abc import Sequence

import numpy as np

from rlchf.preferences import Example


def pair_accuracy(scores: Sequence[np.ndarray], examples: Sequence[Example]) -> float | None:
    """Share of the strict pairs of all examples that the scores put in the right order.

    A pair is strict if one of its two targets is above 0.5. Pairs with equal scores are not in the right
    order.

    Parameters
    ----------
    scores
        (K,) scores of each example's responses.
    examples
        The examples with their pair targets.

    Returns
    -------
    The share, or None if no pair is strict.

    Examples
    --------
    >>> example = Example("p", "Hi", ["a", "b", "c"], ["Hello.", "Go.", "Hi."], [1, 3, 2])
    >>> pair_accuracy([np.array([2.0, 0.0, 3.0])], [example])
    0.6666666666666666
    """
    right = pairs = 0
    for values, example in zip(scores, examples, strict=True):
        preferred = example.pair_targets() > 0.5  # (K, K): ties and unknown pairs are False
        right += int(((values[:, None] > values[None, :]) & preferred).sum())
        pairs += int(preferred.sum())
    return right / pairs if pairs else None
