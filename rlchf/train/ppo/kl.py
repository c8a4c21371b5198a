"""KL divergence of the policy from a reference: its estimators, and the schedules of its coefficient."""

import torch
from torch import Tensor

from rlchf.train.ppo.config import KLEstimator, PPOConfig


def kl_estimate(logp: Tensor, ref_logp: Tensor, kind: KLEstimator = "k1") -> Tensor:
    """Estimate KL(policy || reference) at each token from one sample of the policy.

    With ``r = exp(ref_logp - logp)``: k1 is ``-log r``, unbiased and of either sign; k2 is
    ``(log r)^2 / 2``, biased and never negative; k3 is ``r - 1 - log r``, unbiased and never
    negative.

    In a loss only the gradient of the estimate matters: on samples of the policy k2 has the gradient
    of KL(policy || reference), k3 that of KL(reference || policy), and k1 has gradient 0 on average.
    This holds for one token by itself: the effect of a token on the
    divergence of later tokens is seen only where the penalty is part of the reward.
    There the estimate is a constant, and only k1 has the right gradient: k2 and k3 also penalise a
    token that the policy uses less than the reference, and so drive the policy away from it.

    References
    ----------
    J. Schulman, "Approximating KL divergence", 2020, http://joschu.net/blog/kl-approx.html.
    Y. Tang, R. Munos, "On a few pitfalls in KL divergence gradient estimation for RL", 2025,
    https://arxiv.org/abs/2506.09477.
    """
    log_r = ref_logp - logp
    if kind == "k1":
        return -log_r
    if kind == "k2":
        return log_r.square() / 2
    if kind == "k3":
        return torch.expm1(log_r) - log_r
    raise ValueError(f"unknown KL estimator {kind!r}; choose from k1, k2, k3")


def kl_in_loss(logp: Tensor, old_logp: Tensor, ref_logp: Tensor, kind: KLEstimator) -> Tensor:
    """The KL penalty as a term of the loss at each token, on samples of an earlier policy.

    After the first step of a batch its tokens are no longer samples of the policy, so each estimate is
    multiplied by its importance weight, the probability ratio, which is a constant here: the mean
    gradient then stays that of the divergence. At the first step the weight is 1.
    """
    weight = torch.exp(logp - old_logp).detach()
    return weight * kl_estimate(logp, ref_logp, kind)


def next_kl_coef(config: PPOConfig, kl_coef: float, kl: float, done: int) -> float:
    """The KL coefficient after `done` updates, the last of which had divergence `kl` at this `kl_coef`.

    The adaptive coefficient rises while the divergence is above its target, by a fifth per horizon at
    most, and falls while it is below. A horizon of 10 updates is the paper's K of 0.1.

    References
    ----------
    D. Ziegler et al., "Fine-tuning language models from human preferences", 2019,
    https://arxiv.org/abs/1909.08593.
    """
    if config.kl_schedule == "adaptive":
        error = min(max(kl / config.kl_schedule_target - 1, -0.2), 0.2)
        return kl_coef * (1 + error / config.kl_horizon)
    if config.kl_schedule == "linear":
        progress = min(done / config.kl_horizon, 1.0)
        return config.kl_coef + progress * (config.kl_coef_end - config.kl_coef)
    return config.kl_coef


def resumed_kl_coef(config: PPOConfig, kl_coef: float, done: int, changed: bool) -> float:
    """The KL coefficient of a run resumed after `done` updates, given the `kl_coef` it had then.

    An adaptive coefficient goes on from its last value, unless the setting `kl_coef` has `changed`
    since; the other schedules follow from the settings.
    """
    if config.kl_schedule != "adaptive":
        return next_kl_coef(config, kl_coef, 0.0, done)
    return config.kl_coef if changed else kl_coef
