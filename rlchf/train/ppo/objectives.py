"""The quantities of PPO as pure functions of tensors.

Shapes are ``(B, T)`` throughout: ``B`` responses of at most ``T`` tokens, with a boolean ``mask``
that is true on the tokens of the response. Losses are *sums* over those tokens: the loop divides by
the number of tokens in the whole minibatch, over all processes, so that neither gradient accumulation
nor the number of processes changes the gradient.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Reduce = Callable[[Tensor], Tensor]
"""Sums a tensor over all processes; the identity when there is one."""


def one_process(total: Tensor) -> Tensor:
    """The sum over a single process: the tensor itself."""
    return total


def token_logprobs(logits: Tensor, ids: Tensor) -> Tensor:
    """Log-probability of each token of `ids` (B, T) under `logits` (B, T, V)."""
    flat = _at_least_float32(logits).flatten(0, 1)
    losses = functional.cross_entropy(flat, ids.flatten(), reduction="none")
    return -losses.view_as(ids)


def entropy(logits: Tensor) -> Tensor:
    """Entropy in nats of each next-token distribution: (B, T, V) to (B, T)."""
    logp = functional.log_softmax(_at_least_float32(logits), dim=-1)
    return -(logp.exp() * logp.nan_to_num(neginf=0.0)).sum(-1)


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum of the values where the mask is true; values elsewhere are ignored, NaN included."""
    return torch.where(mask, values, 0).sum()


def masked_mean(values: Tensor, mask: Tensor, reduce: Reduce = one_process) -> Tensor:
    """Mean of the values where the mask is true, over all processes."""
    return reduce(masked_sum(values, mask)) / reduce(mask.sum())


def whiten(values: Tensor, mask: Tensor, reduce: Reduce = one_process) -> Tensor:
    """Normalise the masked values to mean 0 and variance 1 over all processes; 0 elsewhere."""
    centred = values - masked_mean(values, mask, reduce)
    variance = masked_mean(centred.square(), mask, reduce)
    return torch.where(mask, centred * torch.rsqrt(variance + 1e-8), 0)


def policy_loss(
    logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor, clip: float
) -> tuple[Tensor, Tensor]:
    """PPO's clipped loss, summed over tokens, and the number of tokens where the clip is active.

    References
    ----------
    J. Schulman et al., "Proximal policy optimization algorithms", 2017, equation 7.
    """
    ratio = torch.exp(logp - old_logp)
    unclipped = ratio * advantages
    clipped = ratio.clamp(1 - clip, 1 + clip) * advantages
    loss = -masked_sum(torch.minimum(unclipped, clipped), mask)
    return loss, (mask & (clipped < unclipped)).sum()


def value_loss(
    values: Tensor, old_values: Tensor, returns: Tensor, mask: Tensor, clip: float = 0.0
) -> Tensor:
    """Half the squared error of the critic, summed over tokens.

    With ``clip > 0`` the larger of two errors counts: that of the value, and that of the value clipped
    to within ``clip`` of its old value, as in the code of PPO's authors.
    """
    error = (values - returns).square()
    if clip:
        clipped = old_values + (values - old_values).clamp(-clip, clip)
        error = torch.maximum(error, (clipped - returns).square())
    return masked_sum(error, mask) / 2
