"""A batch of responses and what PPO needs to know about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from rlchf.train.ppo.actor_critic import ActorCritic
from rlchf.train.ppo.advantages import gae, grpo, rloo, whiten
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.kl import kl_estimate
from rlchf.train.ppo.objectives import Reduce, entropy, token_logprobs
from rlchf.train.ppo.responses import Rollout


@dataclass(frozen=True)
class Experience:
    """One process's share of a batch: what was sampled, and what PPO needs to know about it."""

    rollout: Rollout
    logp: Tensor  # (B, T) under the policy that sampled; the others have this shape too
    ref_logp: Tensor  # what the divergence is from; 0 where it is minus the entropy
    values: Tensor
    advantages: Tensor
    returns: Tensor

    def __getitem__(self, rows: slice) -> "Experience":
        return Experience(*(getattr(self, field.name)[rows] for field in fields(self)))


def prompt_at(position: int, count: int, seed: int) -> int:
    """Index of the prompt at a position of the endless shuffled stream over `count` prompts."""
    epoch, place = divmod(position, count)
    return int(np.random.default_rng((seed, 3, epoch)).permutation(count)[place])


def forward_slices(config: PPOConfig, processes: int) -> list[list[slice]]:
    """Rows of one process's share: a list per minibatch, in it a slice per forward pass.

    Minibatches keep their members through all epochs and are visited in a new order each time. Old
    log-probabilities are computed in the same slices, so that the first ratio is 1 to the last bit.
    """
    size, share = config.minibatch_size // processes, config.batch_size // processes
    step = min(config.forward_size, size)
    return [
        [slice(i, min(i + step, first + size)) for i in range(first, first + size, step)]
        for first in range(0, share, size)
    ]


@torch.no_grad()
def read(
    model: ActorCritic, rollout: Rollout, slices: Sequence[Sequence[slice]], temperature: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Read the models at every response token, a slice at a time.

    Returns
    -------
    logp, ref_logp, values, entropy : (B, T) tensors.
    """
    parts = []
    for part in (rollout[rows] for minibatch in slices for rows in minibatch):
        logits, values = model(part, temperature)
        ref_logits = model.reference_logits(part, temperature)
        logp = token_logprobs(logits, part.responses)
        ref_logp = token_logprobs(ref_logits, part.responses)
        parts.append((logp, ref_logp, values.to(logp.dtype), entropy(logits)))
    logp, ref_logp, values, nats = (torch.cat(column) for column in zip(*parts, strict=True))
    return logp, ref_logp, values, nats


def estimate(
    config: PPOConfig, rewards: Tensor, values: Tensor, mask: Tensor, reduce: Reduce
) -> tuple[Tensor, Tensor]:
    """Advantages by the chosen estimator, and the returns that the critic should fit."""
    if config.advantages == "gae":
        advantages, returns = gae(rewards, values, mask, config.gamma, config.lam)
        return whiten(advantages, mask, reduce) if config.whiten else advantages, returns
    compare = rloo if config.advantages == "rloo" else grpo
    return compare(rewards, mask, config.responses_per_prompt), torch.zeros_like(values)


def figures(
    rollout: Rollout,
    scores: Tensor,
    logp: Tensor,
    ref_logp: Tensor,
    target: Tensor,
    nats: Tensor,
    *,
    price: float,
    gather: Callable[[Tensor], Tensor],
) -> tuple[dict[str, float], Tensor]:
    """The figures of a batch over all processes, and this process's (B,) estimates of the divergence.

    Parameters
    ----------
    target
        Log-probabilities that the divergence which is paid for is from; those of the reference, or 0.
    nats
        Entropy at each token.
    """
    k1, k3 = (kl_estimate(logp, ref_logp, kind) for kind in ("k1", "k3"))
    by_token = (k1, k3, nats, logp - target)
    kl, kl_k3, nats, bought = (
        torch.where(rollout.response_mask, each, 0).sum(1) for each in by_token
    )
    columns = [scores, kl, kl_k3, nats, rollout.lengths, rollout.finished, bought]
    rows = gather(torch.stack([x.to(logp) for x in columns], 1))  # (batch_size, 7)
    score, mean_kl, mean_k3, mean_nats, length, ended, mean_bought = rows.mean(0).tolist()
    found = {
        "reward_mean": score,
        "reward_std": rows[:, 0].std(correction=0).item(),
        "objective": score - price * mean_bought,
        "kl": mean_kl,  # per response from the start, k1: unbiased, of either sign
        "kl_k3": mean_k3,  # the same, k3: unbiased, never negative
        "kl_coef": price,
        "entropy": mean_nats / length,  # per token
        "response_length": length,
        "eos_share": ended,
    }
    return found, kl
