"""Divergence of the policy from a reference: its estimators, and its price over a run."""

import torch
from torch import Tensor

from rlchf.train.ppo.config import KLEstimator, PPOConfig


def kl_estimate(logp: Tensor, ref_logp: Tensor, kind: KLEstimator = "k1") -> Tensor:
    """Estimate KL(policy || reference) at each token from one sample of the policy.

    With ``r = exp(ref_logp - logp)``: k1 is ``-log r``, unbiased and of either sign; k2 is
    ``(log r)^2 / 2``, biased and never negative; k3 is ``r - 1 - log r``, unbiased and never
    negative.

    As terms of a loss their gradients count, and there the order is another one: on the policy's own
    samples k2 has the gradient of KL(policy || reference), k3 that of KL(reference || policy), and
    k1 has 0 on average. This is a token by itself: how a token changes the divergence of those after
    it is seen only where the price is part of the reward.

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


def next_price(config: PPOConfig, price: float, kl: float, done: int) -> float:
    """The price of divergence after `done` updates, the last of which saw `kl` at this `price`.

    The adaptive price rises while the divergence is over its target, by a fifth per horizon at most,
    and falls while it is under it. A horizon of 10 updates is the paper's K of 0.1.

    References
    ----------
    D. Ziegler et al., "Fine-tuning language models from human preferences", 2019,
    https://arxiv.org/abs/1909.08593.
    """
    if config.kl_schedule == "adaptive":
        error = min(max(kl / config.kl_target - 1, -0.2), 0.2)
        return price * (1 + error / config.kl_horizon)
    if config.kl_schedule == "linear":
        way = min(done / config.kl_horizon, 1.0)
        return config.kl_coef + way * (config.kl_end - config.kl_coef)
    return config.kl_coef


def resumed_price(config: PPOConfig, price: float, done: int, new: bool) -> float:
    """The price with which a run goes on after `done` updates, given the `price` it had then.

    The settings may have changed since, and `new` says whether `kl_coef` has. An adaptive price goes on
    from where it was unless it has; the others follow from the settings.
    """
    if config.kl_schedule != "adaptive":
        return next_price(config, price, 0.0, done)
    return config.kl_coef if new else price
