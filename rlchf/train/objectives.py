"""The quantities of PPO as pure functions of tensors.

Shapes are ``(B, T)`` throughout: ``B`` responses of at most ``T`` tokens, with a boolean ``mask``
that is true on the tokens a response really has. Losses come back as *sums* over those tokens: the
loop divides by the number of tokens in the whole minibatch, over all processes, so that neither
gradient accumulation nor the number of processes changes the gradient.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

KLEstimator = Literal["k1", "k2", "k3"]
Reduce = Callable[[Tensor], Tensor]
"""Sums a tensor over all processes; the identity when there is one."""


def one_process(total: Tensor) -> Tensor:
    """Reduce over a single process: nothing to add."""
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


def kl_estimate(logp: Tensor, ref_logp: Tensor, kind: KLEstimator = "k1") -> Tensor:
    """Estimate KL(policy || reference) at each token from one sample of the policy.

    With ``r = exp(ref_logp - logp)``: k1 is ``-log r``, unbiased and of either sign; k2 is
    ``(log r)^2 / 2``, biased and never negative; k3 is ``r - 1 - log r``, unbiased and never
    negative.

    References
    ----------
    J. Schulman, "Approximating KL divergence", 2020, http://joschu.net/blog/kl-approx.html.
    """
    log_r = ref_logp - logp
    if kind == "k1":
        return -log_r
    if kind == "k2":
        return log_r.square() / 2
    if kind == "k3":
        return torch.expm1(log_r) - log_r
    raise ValueError(f"unknown KL estimator {kind!r}; choose from k1, k2, k3")


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum of the values where the mask is true; what lies elsewhere is ignored, NaN included."""
    return torch.where(mask, values, 0).sum()


def masked_mean(values: Tensor, mask: Tensor, reduce: Reduce = one_process) -> Tensor:
    """Mean of the values where the mask is true, over all processes."""
    return reduce(masked_sum(values, mask)) / reduce(mask.sum())


def whiten(values: Tensor, mask: Tensor, reduce: Reduce = one_process) -> Tensor:
    """Bring the masked values to mean 0 and variance 1 over all processes; 0 elsewhere."""
    centred = values - masked_mean(values, mask, reduce)
    variance = masked_mean(centred.square(), mask, reduce)
    return torch.where(mask, centred * torch.rsqrt(variance + 1e-8), 0)


def gae(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimates, and the returns that the critic should fit.

    ``mask`` is true on the first tokens of each row: rows may differ in length, and the value after
    a row's last token is 0 because the response has ended.

    Returns
    -------
    advantages, returns : (B, T) tensors, 0 outside the mask. ``returns = advantages + values``.

    References
    ----------
    J. Schulman et al., "High-dimensional continuous control using generalized advantage
    estimation", 2016, equations 10 and 16.
    """
    rewards, values = torch.where(mask, rewards, 0), torch.where(mask, values, 0)
    following = functional.pad(values, (0, 1))[:, 1:]  # V(s_{t+1}), 0 past the end
    delta = rewards + gamma * following - values  # equation 10
    advantages = torch.zeros_like(values)
    carried = torch.zeros_like(values[:, 0])
    for t in reversed(range(values.shape[1])):
        carried = delta[:, t] + gamma * lam * carried  # equation 16, as a recursion
        advantages[:, t] = carried
    return advantages, advantages + values


def policy_loss(
    logp: Tensor, old_logp: Tensor, advantages: Tensor, mask: Tensor, clip: float
) -> tuple[Tensor, Tensor]:
    """PPO's clipped loss, summed over tokens, and the number of tokens where the clip is active.

    References
    ----------
    J. Schulman et al., "Proximal policy optimization algorithms", 2017, equation 7.
    """
    ratio = torch.exp(logp - old_logp)
    plain = ratio * advantages
    clipped = ratio.clamp(1 - clip, 1 + clip) * advantages
    return -masked_sum(torch.minimum(plain, clipped), mask), (mask & (clipped < plain)).sum()


def value_loss(
    values: Tensor, old_values: Tensor, returns: Tensor, mask: Tensor, clip: float = 0.0
) -> Tensor:
    """Half the squared error of the critic, summed over tokens.

    With ``clip > 0`` the worse of two errors counts: that of the value, and that of the value held
    within ``clip`` of what it was when the responses were sampled, as in the code of PPO's authors.
    """
    error = (values - returns).square()
    if clip:
        near = old_values + (values - old_values).clamp(-clip, clip)
        error = torch.maximum(error, (near - returns).square())
    return masked_sum(error, mask) / 2
