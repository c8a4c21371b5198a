"""Whether the weights on each prompt can be added up, and whether rounding keeps the smallest of them."""

import warnings
from collections.abc import Sequence

import numpy as np

from rlchf.numeric.integer_weights import integer_weights

MOST_WEIGHT = 1e290
"""What the weights on a prompt may add up to: sums over responses and prompts stay within floats."""

LOST = 2.0**-38
"""Where weights are rounded, margins of less than this share of their sum count as ties."""


def check_weight_sums(
    weights: np.ndarray, starts: np.ndarray, prompt_ids: Sequence[str], source: str
) -> None:
    """Refuse weights whose sum on a prompt is out of range; warn if rounding loses the smallest.

    Parameters
    ----------
    weights
        (N,) not negative, those of each prompt together.
    starts
        (P + 1,) where each prompt's weights begin.

    Raises
    ------
    ValueError
        If the weights of a prompt add up to more than 1e290, or to less than 1e-290 and not to 0.
    """
    if (weights == 1).all():
        return
    prompts = np.repeat(np.arange(len(prompt_ids)), np.diff(starts))
    with np.errstate(over="ignore"):
        sums = np.bincount(prompts, weights, minlength=len(prompt_ids))
    for bad, problem, remedy in (
        (sums > MOST_WEIGHT, f"more than {MOST_WEIGHT:g}, too much for sums of floats", "divide"),
        (
            (sums > 0) & (sums < 1 / MOST_WEIGHT),
            f"less than {1 / MOST_WEIGHT:g}, too little for floats",
            "multiply",
        ),
    ):
        if bad.any():
            prompt = prompt_ids[int(np.argmax(bad))]
            raise ValueError(
                f"{source}: the weights of prompt {prompt!r} add up to {problem}; {remedy} all weights "
                "by the same number"
            )
    small = (weights > 0) & (weights < sums[prompts] * LOST)
    if small.any():
        _warn_of_rounding(weights, prompts, np.unique(prompts[small]), prompt_ids, source)


def _warn_of_rounding(
    weights: np.ndarray,
    prompts: np.ndarray,
    suspects: np.ndarray,
    prompt_ids: Sequence[str],
    source: str,
) -> None:
    """Warn of prompts among the suspects on which small weights are lost beside the others."""
    ballots = np.flatnonzero(np.isin(prompts, suspects))
    starts = np.searchsorted(prompts[ballots], suspects)
    is_exact = integer_weights(weights[ballots], np.append(starts, len(ballots)))[2]
    lost = [prompt_ids[p] for p in suspects[~is_exact].tolist()]
    if lost:
        others = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        warnings.warn(
            f"{source}: on prompt {lost[0]!r}{others} some ballots weigh less than {LOST:.0e} of "
            "all together, so that rounding may lose them and leave ties; give weights of similar size",
            stacklevel=4,
        )
