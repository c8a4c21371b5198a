"""Learning from one batch of responses: the optimiser's steps on PPO's loss."""

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.experience import Experience
from rlchf.train.ppo.kl import kl_estimate, kl_in_loss
from rlchf.train.ppo.objectives import masked_sum, policy_loss, value_loss
from rlchf.train.ppo.sharding import gather


def optimise(
    batch: Experience,
    model: Any,
    optimizer: Any,
    accelerator: Accelerator,
    config: PPOConfig,
    *,
    slices: Sequence[list[slice]],
    done: int,
    kl_coef: float,
) -> dict[str, float]:
    """Take the optimiser's steps on one batch and return their metrics.

    Parameters
    ----------
    model, optimizer
        An `ActorCritic` and its optimiser, whose parameter groups are the policy and the critic, if
        there is one; both as accelerate has prepared them.
    slices
        The rows of each minibatch, as `forward_slices` cuts them.
    done
        Updates done so far.
    kl_coef
        The KL coefficient, used where the KL penalty is part of the loss.
    """
    set_learning_rates(optimizer, config, done)
    steps: list[Tensor] = []
    refused: list[Tensor] = []  # the minibatch at which the update stopped
    first_error = torch.zeros((), device=accelerator.device)
    for minibatch in minibatches(slices, config, done):
        members = slice(minibatch[0].start, minibatch[-1].stop)
        n_tokens = accelerator.reduce(batch.rollout.response_mask[members].sum())
        sums = torch.zeros(5, device=accelerator.device)
        for rows in minibatch:
            more = rows is not minibatch[-1]
            with accelerator.no_sync(model) if more else nullcontext():
                with accelerator.autocast():
                    loss, statistics, error = summed_loss(batch[rows], model, config, kl_coef)
                # A mean over all tokens; DDP averages over processes, hence the factor.
                accelerator.backward(loss * accelerator.num_processes / n_tokens)
            sums += statistics
            if not steps:
                first_error = torch.maximum(first_error, error)
        norms = [
            gather(nn.utils.clip_grad_norm_(group["params"], config.max_grad_norm or math.inf))
            for group in optimizer.param_groups  # policy, critic
        ]
        if not all(norm.isfinite() for norm in norms):
            raise FloatingPointError("the loss or its gradient is not a finite number")
        means = accelerator.reduce(sums) / n_tokens
        figures = torch.cat([means, norms[0].to(means)[None]])
        if config.target_kl and means[3] > config.target_kl:
            refused.append(figures)
            optimizer.zero_grad()
            break
        if done < config.critic_warmup:  # no gradient at all, lest the optimiser counts the step
            for parameter in optimizer.param_groups[0]["params"]:
                parameter.grad = None
        optimizer.step()
        optimizer.zero_grad()
        steps.append(figures)
    shown = steps or refused  # at the very first minibatch
    policy, value, clip_fraction, approx_kl, _, norm = torch.stack(shown).mean(0).tolist()
    return {
        "policy_loss": policy,
        "value_loss": value,
        "clip_fraction": clip_fraction,
        "approx_kl": approx_kl,  # per token, from the policy that sampled to the current one
        "grad_norm": norm,
        "learning_rate": optimizer.param_groups[0]["lr"],
        "steps": len(steps),
        "first_ratio": 1 + shown[0][4].item(),
        "first_ratio_error": accelerator.gather(first_error[None]).max().item(),
    }


def set_learning_rates(optimizer: Any, config: PPOConfig, done: int) -> None:
    """Set the learning rates of policy and critic to those after `done` updates."""
    factor = 1 - done / config.updates if config.lr_schedule == "linear" else 1.0
    factor *= min(1.0, (done + 1) / max(1, config.lr_warmup))
    rates = (config.learning_rate, config.value_learning_rate)
    for group, rate in zip(optimizer.param_groups, rates, strict=False):  # there may be no critic
        group["lr"] = rate * factor


def minibatches(
    slices: Sequence[list[slice]], config: PPOConfig, done: int
) -> Iterator[list[slice]]:
    """The forward slices of each optimiser step, in a new order every epoch."""
    for epoch in range(config.ppo_epochs):
        rng = np.random.default_rng((config.seed, 4, done, epoch))
        yield from (slices[i] for i in rng.permutation(len(slices)))


def summed_loss(
    part: Experience, model: Any, config: PPOConfig, kl_coef: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of some rows, summed over their tokens.

    Returns
    -------
    loss, statistics, error : the sum; (5,) sums of the policy's loss, the critic's loss, clipped tokens,
    the divergence from the policy that sampled, and the ratio's error; the ratio's largest error.
    """
    mask = part.rollout.response_mask
    bonus = config.entropy_coef > 0
    logp, values, entropies = model(part.rollout, config.temperature, entropies=bonus)
    surrogate, clipped = policy_loss(logp, part.logp, part.advantages, mask, config.clip)
    critic_loss = value_loss(values, part.values, part.returns, mask, config.value_clip)
    loss = surrogate + critic_loss
    if config.kl_in == "loss":
        divergence = kl_in_loss(logp, part.logp, part.ref_logp, config.kl_estimator)
        loss = loss + kl_coef * masked_sum(divergence, mask)
    if bonus:
        loss = loss - config.entropy_coef * masked_sum(entropies, mask)
    with torch.no_grad():
        ratio_error = torch.where(mask, torch.exp(logp - part.logp) - 1, 0)
        approx_kl = masked_sum(kl_estimate(part.logp, logp, "k3"), mask)
        statistics = torch.stack([surrogate, critic_loss, clipped, approx_kl, ratio_error.sum()])
    return loss, statistics, ratio_error.abs().max()
