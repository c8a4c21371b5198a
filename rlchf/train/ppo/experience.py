"""A batch of responses and the quantities that PPO needs of it."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from rlchf.train.ppo.actor_critic import ActorCritic
from rlchf.train.ppo.advantages import ADVANTAGES, needs_critic
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.kl import kl_estimate
from rlchf.train.ppo.objectives import Reduce, whiten
from rlchf.train.ppo.responses import Rollout


@dataclass(frozen=True)
class Experience:
    """One process's share of a batch: the sampled responses, and the quantities that PPO needs of them."""

    rollout: Rollout
    logp: Tensor  # (B, T) under the policy that sampled; the others have this shape too
    ref_logp: Tensor  # log-probabilities that the KL penalty refers to; 0 for a uniform reference
    values: Tensor
    advantages: Tensor
    returns: Tensor

    def __getitem__(self, rows: slice) -> "Experience":
        return Experience(*(getattr(self, field.name)[rows] for field in fields(self)))


def forward_slices(config: PPOConfig, processes: int) -> list[list[slice]]:
    """Rows of one process's share: a list per minibatch, with a slice per forward pass.

    Minibatches keep their rows in all epochs and are visited in a new order each time. Old
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
    logp, ref_logp, values, entropies : (B, T) tensors.
    """
    rows = []
    for part in (rollout[rows] for minibatch in slices for rows in minibatch):
        logp, values, entropy = model(part, temperature, entropies=True)
        ref_logp = model.reference_logprobs(part, temperature)
        rows.append((logp, ref_logp, values.to(logp.dtype), entropy))
    logp, ref_logp, values, entropies = (torch.cat(column) for column in zip(*rows, strict=True))
    return logp, ref_logp, values, entropies


def estimate(
    config: PPOConfig, rewards: Tensor, values: Tensor, mask: Tensor, reduce: Reduce
) -> tuple[Tensor, Tensor]:
    """(B, T) advantages by the estimator in the settings, and the returns that the critic should fit.

    Without a critic the returns are 0.
    """
    estimator = ADVANTAGES[config.advantages]
    given = {"rewards": rewards, "values": values, "mask": mask, "reduce": reduce}
    names = inspect.signature(estimator).parameters
    arguments = {n: given[n] if n in given else getattr(config, n) for n in names}
    advantages = estimator(**arguments)
    if not needs_critic(config.advantages):
        return advantages, torch.zeros_like(values)
    returns = torch.where(mask, advantages + values, 0)
    return whiten(advantages, mask, reduce) if config.whiten else advantages, returns


def batch_metrics(
    rollout: Rollout,
    scores: Tensor,
    logp: Tensor,
    ref_logp: Tensor,
    kl_reference: Tensor,
    entropies: Tensor,
    *,
    kl_coef: float,
    gather: Callable[[Tensor], Tensor],
) -> tuple[dict[str, float], Tensor]:
    """The metrics of a batch over all processes, and this process's (B,) estimates of the divergence.

    Parameters
    ----------
    ref_logp
        (B, T) log-probabilities under the policy as it was before training.
    kl_reference
        (B, T) log-probabilities that the KL penalty refers to: those, or 0 for a uniform reference.
    entropies
        (B, T) entropy of the policy at each token.
    """
    k1, k3 = (kl_estimate(logp, ref_logp, kind) for kind in ("k1", "k3"))
    by_token = (k1, k3, entropies, logp - kl_reference)
    kl, kl_k3, entropy_sums, penalised_kl = (
        torch.where(rollout.response_mask, each, 0).sum(1) for each in by_token
    )
    columns = [scores, kl, kl_k3, entropy_sums, rollout.lengths, rollout.finished, penalised_kl]
    rows = gather(torch.stack([x.to(logp) for x in columns], 1))  # (batch_size, 7)
    score, mean_kl, mean_k3, mean_entropy, length, ended, mean_penalised = rows.mean(0).tolist()
    metrics = {
        "reward_mean": score,
        "reward_std": rows[:, 0].std(correction=0).item(),
        "objective": score - kl_coef * mean_penalised,
        "kl": mean_kl,  # per response from the start, k1: unbiased, of either sign
        "kl_k3": mean_k3,  # the same, k3: unbiased, never negative
        "kl_coef": kl_coef,
        "entropy": mean_entropy / length,  # per token
        "response_length": length,
        "eos_share": ended,
    }
    return metrics, kl
