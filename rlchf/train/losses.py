"""Losses of the reward model: pure functions of scores and of what is known about their order."""

import torch
import torch.nn.functional as F
from torch import Tensor


def bradley_terry(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy of the Bradley-Terry model over all pairs of each prompt's responses.

    Parameters
    ----------
    scores
        (B, K) rewards; prompts with fewer responses are padded, with NaN in ``targets``.
    targets
        (B, K, K) probability that ``i`` is preferred to ``j``; 1/2 is a tie, NaN is no comparison.
    weights
        (B,) weight of each prompt.

    Returns
    -------
    Mean over each prompt's pairs (Ouyang et al. 2022, eq. 1), then weighted mean over prompts that
    have a pair.

    Raises
    ------
    ValueError
        If the shapes do not fit; nothing is broadcast.

    References
    ----------
    R. A. Bradley, M. E. Terry, "Rank analysis of incomplete block designs", 1952.

    Examples
    --------
    >>> targets = torch.tensor([[[torch.nan, 1.0], [0.0, torch.nan]]])
    >>> bradley_terry(torch.tensor([[0.0, 0.0]]), targets, torch.ones(1))
    tensor(0.6931)
    """
    B, K = scores.shape
    if targets.shape != (B, K, K) or weights.shape != (B,):
        raise ValueError(
            f"scores are {tuple(scores.shape)}, so targets must be {(B, K, K)} and weights {(B,)}; "
            f"found {tuple(targets.shape)} and {tuple(weights.shape)}"
        )
    known = ~targets.isnan()
    gaps = scores[:, :, None] - scores[:, None, :]  # (B, K, K)
    # -p log sigma(r_i - r_j) - (1 - p) log sigma(r_j - r_i); each pair appears twice, with equal loss
    pairs = F.binary_cross_entropy_with_logits(gaps, targets.nan_to_num(0.5), reduction="none")
    per_prompt = (pairs * known).sum((1, 2)) / known.sum((1, 2)).clamp(min=1)
    weights = weights * known.any(2).any(1)
    return (weights * per_prompt).sum() / weights.sum().clamp(min=torch.finfo(scores.dtype).tiny)


def pair_accuracy(scores: Tensor, targets: Tensor) -> tuple[int, int]:
    """How many pairs with a strict preference the scores put in the right order, and of how many.

    Parameters
    ----------
    scores
        (K,) rewards of one prompt's responses.
    targets
        (K, K) probability that ``i`` is preferred to ``j``.

    Examples
    --------
    >>> targets = torch.tensor([[torch.nan, 1.0], [0.0, torch.nan]])
    >>> pair_accuracy(torch.tensor([2.0, 1.0]), targets)
    (1, 1)
    """
    preferred = targets > 0.5  # each strict pair once; ties and unknown pairs never
    right = (scores[:, None] > scores[None, :]) & preferred
    return int(right.sum()), int(preferred.sum())
