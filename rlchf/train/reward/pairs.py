"""What losses, heads and group weights share: checks of shapes, pairs with a target, means over both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from rlchf.lazy import lazy_module

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_module("torch")

Reduce: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
"""``reduce(losses, weights)``: one figure from the losses (R,) of the orders and their weights (R,)."""


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean; 0 if there is no weight.

    Examples
    --------
    >>> weighted_mean(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 1.0]))
    tensor(2.)
    """
    return (weights * losses).sum() / weights.sum().clamp(min=torch.finfo(losses.dtype).tiny)


def pair_gaps(scores: Tensor) -> Tensor:
    """``r_i - r_j``: (R, K) to (R, K, K)."""
    return scores[:, :, None] - scores[:, None, :]


def known_pairs(
    scores: Tensor, targets: Tensor, weights: Tensor, **per_pair: Tensor | None
) -> Tensor:
    """(R, K, K) bool, True where there is a target off the diagonal; checks all shapes."""
    expect("scores", scores, 2)
    R, K = scores.shape
    expect("targets", targets, (R, K, K))
    expect("weights", weights, (R,))
    for name, tensor in per_pair.items():
        if tensor is not None:
            expect(name, tensor, (R, K, K))
    return ~targets.isnan() & ~torch.eye(K, dtype=torch.bool, device=targets.device)


def mean_over_pairs(
    losses: Tensor,
    known: Tensor,
    weights: Tensor,
    pair_weights: Tensor | None = None,
    reduce: Reduce = weighted_mean,
) -> Tensor:
    """Mean of (R, K, K) losses over each order's known pairs, then ``reduce`` over the orders."""
    counts = known.to(losses.dtype)
    if pair_weights is not None:
        counts = torch.where(known, pair_weights, 0.0).to(losses.dtype)
    totals = counts.sum((1, 2))
    tiny = torch.finfo(losses.dtype).tiny
    per_order = (counts * losses).sum((1, 2)) / totals.clamp(min=tiny)
    return reduce(per_order, weights * (totals > 0))


def expect(name: str, tensor: Tensor, shape: tuple[int, ...] | int) -> None:
    """Refuse a tensor of another shape, or of another number of dimensions if that is given."""
    if isinstance(shape, int):
        if tensor.ndim != shape:
            raise ValueError(f"{name} have shape {tuple(tensor.shape)}; choose {shape} dimensions")
    elif tensor.shape != shape:
        raise ValueError(
            f"{name} have shape {tuple(tensor.shape)}, {tuple(shape)} would fit; nothing is broadcast"
        )
