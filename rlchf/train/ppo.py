"""PPO fine-tuning of a language model on any reward, under a KL penalty to where it started."""

import copy
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import Tensor, nn

from rlchf.prompts import Prompt
from rlchf.train.checkpoint import RunFolder, random_states, signals_noted
from rlchf.train.objectives import (
    KLEstimator,
    entropy,
    gae,
    kl_estimate,
    masked_sum,
    policy_loss,
    token_logprobs,
    value_loss,
    whiten,
)
from rlchf.train.rollout import Rollout, encode_prompts, response_logits, sample

Reward = Callable[[list[Prompt], list[str]], Sequence[float] | Tensor]
"""Scores responses to prompts, one number each, higher is better."""
SAMPLES = 4
"""Responses written to `samples.jsonl` at a time."""

# -- config ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PPOConfig:
    """Settings of a PPO run; sizes count over all processes together."""

    updates: int = 100
    """How often to sample a batch of responses and learn from it."""
    batch_size: int = 64
    """Prompts per update, each answered once; a multiple of `minibatch_size`."""
    minibatch_size: int = 16
    """Responses per optimiser step; a multiple of the number of processes."""
    forward_size: int = 16
    """Responses per forward pass on each process: lower it to save memory, the gradient stays."""
    ppo_epochs: int = 2
    """Passes over each batch of responses."""
    max_new_tokens: int = 64
    """Longest response."""
    temperature: float = 1.0
    """Temperature of the policy, in sampling, in its log-probabilities and in the reference."""
    lr: float = 1e-5
    """Learning rate of the policy; LoRA usually takes ten times as much."""
    value_lr: float = 1e-3
    """Learning rate of the critic."""
    max_grad_norm: float = 1.0
    """Gradients longer than this are shortened to it, those of policy and critic separately."""
    kl_coef: float = 0.05
    """Price of one nat of divergence from the reference (beta), taken off the reward."""
    kl_estimator: KLEstimator = "k1"
    """Estimator of that divergence; see `rlchf.train.objectives.kl_estimate`."""
    gamma: float = 1.0
    """Discount per token."""
    lam: float = 0.95
    """GAE's lambda: 1 trusts sampled returns, 0 trusts the critic."""
    clip: float = 0.2
    """How far the probability ratio may move from 1 before its gradient stops."""
    value_clip: float = 0.0
    """How far a value may move from its old one before its loss is clipped; 0 is plain MSE."""
    whiten: bool = True
    """Whether advantages are brought to mean 0 and variance 1 over the batch."""
    missing_eos_penalty: float = 0.0
    """Taken off the score of a response that did not end within `max_new_tokens`."""
    lora_rank: int = 0
    """Rank of LoRA adapters; 0 trains all weights and keeps a frozen copy as the reference."""
    checkpoint_every: int = 10
    """Updates between checkpoints from which a stopped run goes on."""
    samples_every: int = 10
    """Updates between samples written to `samples.jsonl`."""
    seed: int = 0
    """Seed of sampling, of the order of the prompts and of new weights."""

    def __post_init__(self) -> None:
        above_0 = "updates batch_size minibatch_size forward_size ppo_epochs max_new_tokens"
        for name in f"{above_0} temperature checkpoint_every samples_every".split():
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in ("lr", "value_lr", "max_grad_norm", "kl_coef", "gamma", "lam", "clip"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if self.batch_size % self.minibatch_size:
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of "
                f"minibatch_size {self.minibatch_size}"
            )


# -- data ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Experience:
    """One process's share of a batch: what was sampled, and what PPO needs to know about it."""

    rollout: Rollout
    logp: Tensor  # (B, T) under the policy that sampled; the others have this shape too
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


def check_scores(scores: Sequence[float] | Tensor, texts: list[str]) -> Tensor:
    """Bring what the reward returned to a tensor with one finite score per response."""
    scores = torch.as_tensor(scores).detach()
    if scores.shape != (len(texts),):
        raise ValueError(
            f"the reward returned shape {tuple(scores.shape)} for {len(texts)} responses; "
            "it must return one number per response"
        )
    if not scores.isfinite().all():
        bad = int((~scores.isfinite()).nonzero()[0, 0])
        raise ValueError(f"the reward of response {bad} is {scores[bad].item()}: {texts[bad]!r}")
    return scores


# -- model -----------------------------------------------------------------------------------------


class ActorCritic(nn.Module):
    """The policy, the reference, and a critic: one linear layer on the policy's last hidden states.

    The critic reads those states detached. A trunk of its own would double the cost of a step, and
    a value gradient through the shared one would move the policy for the critic's sake. It begins
    at 0 and has its own learning rate.
    """

    def __init__(self, policy: Any, lora_rank: int) -> None:
        super().__init__()
        self.reference: list[Any] = []  # a list hides the frozen copy from DDP and checkpoints
        if lora_rank:
            from peft import LoraConfig, get_peft_model  # slow to import, and optional

            settings = LoraConfig(r=lora_rank, lora_alpha=2 * lora_rank)  # where peft thinks best
            self.policy = get_peft_model(policy, settings)
        else:
            self.reference = [copy.deepcopy(policy).requires_grad_(False).eval()]
            self.policy = policy
        self.critic = nn.Linear(
            policy.config.get_text_config().hidden_size,
            1,
            device=policy.device,
            dtype=torch.promote_types(policy.dtype, torch.float32),
        )
        nn.init.zeros_(self.critic.weight)
        nn.init.zeros_(self.critic.bias)
        self.eval()  # no dropout: it would make the ratio a matter of chance

    def forward(self, rollout: Rollout, temperature: float) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and values (B, T) where each response token was chosen."""
        logits, hidden = response_logits(self.policy, rollout, temperature)
        return logits, self.critic(hidden.detach().to(self.critic.weight.dtype)).squeeze(-1)

    def reference_logits(self, rollout: Rollout, temperature: float) -> Tensor:
        """Logits (B, T, V) of the policy as it was before training."""
        if self.reference:
            return response_logits(self.reference[0], rollout, temperature)[0]
        with self.policy.disable_adapter():
            return response_logits(self.policy, rollout, temperature)[0]


# -- loop ------------------------------------------------------------------------------------------


def ppo(
    policy: Any,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    reward: Reward,
    config: PPOConfig,
    out: str | Path,
    *,
    resume: bool = False,
    progress: Callable[..., None] | None = None,
    accelerator: Accelerator | None = None,
) -> Any:
    """Fine-tune `policy` in place by PPO, write it to the folder `out`, and return it.

    Parameters
    ----------
    policy
        A causal language model of transformers; as passed in, it is also the reference.
    reward
        Any callable ``(prompts, responses) -> scores``. Under `torchrun` every process calls it with
        its own share of the batch.
    out
        Gets ``metrics.jsonl`` and ``samples.jsonl`` as the run goes, ``checkpoint/`` to go on from,
        and at the end the policy as a plain Hugging Face checkpoint (LoRA merged), with
        ``critic.safetensors`` and ``ppo_config.json``.
    resume
        Go on from the checkpoint in `out`, given the same starting policy, or begin if there is
        none. Without it, an earlier run in `out` is discarded.
    progress
        Called after each update with updates done, updates to do, and ``reward=``, ``kl=``.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C or SIGTERM, when the update in progress is done and a checkpoint is saved. A
        second signal acts at once.
    RuntimeError
        When the loss is not a finite number. No step is taken on it.
    """
    accelerator = accelerator or Accelerator()
    if config.minibatch_size % accelerator.num_processes:
        raise ValueError(
            f"minibatch_size {config.minibatch_size} is not a multiple of the number of "
            f"processes, {accelerator.num_processes}"
        )
    if accelerator.mixed_precision == "fp16":
        raise ValueError("mixed precision fp16 is not supported; choose bf16 or no")
    run = _Run(policy, tokenizer, prompts, reward, config, Path(out), accelerator)
    run.folder.open(run, resume)
    with signals_noted() as signals:
        while run.done < config.updates:
            began = time.perf_counter()
            try:
                batch, metrics, samples = run.collect()
            except KeyboardInterrupt:  # raised by the reward, or a second signal: no weight moved
                if accelerator.num_processes == 1:
                    run.folder.save(run)
                raise
            metrics |= run.optimise(batch)
            metrics["seconds"] = time.perf_counter() - began
            run.done += 1
            run.random_states = random_states()
            run.log(metrics, samples)
            if progress and accelerator.is_main_process:
                progress(run.done, config.updates, reward=metrics["reward_mean"], kl=metrics["kl"])
            noted = torch.tensor(len(signals), device=accelerator.device)
            stop = bool(accelerator.reduce(noted).item())  # one process's signal stops them all
            if stop or run.done % config.checkpoint_every == 0 or run.done == config.updates:
                run.folder.save(run)
            if stop:
                raise KeyboardInterrupt
    return run.folder.finish(run, tokenizer)


class _Run:
    """What lives as long as a run, and the stages of an update."""

    def __init__(
        self,
        policy: Any,
        tokenizer: Any,
        prompts: Sequence[Prompt],
        reward: Reward,
        config: PPOConfig,
        out: Path,
        accelerator: Accelerator,
    ) -> None:
        self.tokenizer, self.prompts, self.reward = tokenizer, list(prompts), reward
        self.config, self.accelerator = config, accelerator
        self.folder = RunFolder(out, config, accelerator)
        if not self.prompts:
            raise ValueError("there are no prompts to train on; give at least one")
        self.encoded = encode_prompts(policy, tokenizer, prompts, config.max_new_tokens)
        set_seed(config.seed, device_specific=True)
        self.model = ActorCritic(policy.to(accelerator.device), config.lora_rank)
        trained = [p for p in self.model.policy.parameters() if p.requires_grad]
        critic = list(self.model.critic.parameters())
        groups = [{"params": trained, "lr": config.lr}, {"params": critic, "lr": config.value_lr}]
        adam = torch.optim.AdamW(groups, eps=1e-5, weight_decay=0.0)
        self.wrapped, self.optimizer = accelerator.prepare(self.model, adam)
        self.slices = forward_slices(config, accelerator.num_processes)
        self.done = 0  # updates
        self.random_states = random_states()

    def collect(self) -> tuple[Experience, dict[str, float], list[dict[str, Any]]]:
        """Sample and score responses, and say what to learn: experience, metrics, sample rows."""
        config, accelerator = self.config, self.accelerator
        share = config.minibatch_size // accelerator.num_processes
        first = self.done * config.batch_size + accelerator.process_index * share
        minibatches = range(first, first + config.batch_size, config.minibatch_size)
        positions = [start + i for start in minibatches for i in range(share)]
        chosen = [prompt_at(position, len(self.prompts), config.seed) for position in positions]
        with accelerator.autocast():
            rollout = sample(
                self.model.policy,
                self.tokenizer,
                [self.encoded[i] for i in chosen],
                [(config.seed, 2, position) for position in positions],
                max_new_tokens=config.max_new_tokens,
                temperature=config.temperature,
            )
        mask = rollout.response_mask

        read = []
        with torch.no_grad(), accelerator.autocast():
            for part in (rollout[rows] for minibatch in self.slices for rows in minibatch):
                logits, values = self.model(part, config.temperature)
                ref_logits = self.model.reference_logits(part, config.temperature)
                logp = token_logprobs(logits, part.responses)
                ref_logp = token_logprobs(ref_logits, part.responses)
                read.append((logp, ref_logp, values.to(logp.dtype), entropy(logits)))
        logp, ref_logp, values, nats = (torch.cat(column) for column in zip(*read, strict=True))

        asked, texts = [self.prompts[i] for i in chosen], rollout.texts(self.tokenizer)
        scores = check_scores(self.reward(asked, texts), texts).to(logp)
        penalised = scores - config.missing_eos_penalty * ~rollout.finished
        rewards = -config.kl_coef * kl_estimate(logp, ref_logp, config.kl_estimator)
        rewards = rewards.scatter_add(1, rollout.lengths[:, None] - 1, penalised[:, None])
        advantages, returns = gae(rewards, values, mask, config.gamma, config.lam)
        if config.whiten:
            advantages = whiten(advantages, mask, accelerator.reduce)

        k1, k3 = (kl_estimate(logp, ref_logp, kind) for kind in ("k1", "k3"))
        kl, kl_k3, nats = (torch.where(mask, each, 0).sum(1) for each in (k1, k3, nats))
        columns = [scores, kl, kl_k3, nats, rollout.lengths, rollout.finished]
        rows = accelerator.gather(torch.stack([x.to(logp) for x in columns], 1))  # (batch_size, 6)
        score, mean_kl, mean_k3, mean_nats, length, eos_share = rows.mean(0).tolist()
        metrics = {
            "reward_mean": score,
            "reward_std": rows[:, 0].std(correction=0).item(),
            "objective": score - config.kl_coef * mean_kl,
            "kl": mean_kl,  # per response, k1: unbiased, of either sign
            "kl_k3": mean_k3,  # per response, k3: unbiased, never negative
            "entropy": mean_nats / length,  # per token
            "response_length": length,
            "eos_share": eos_share,
        }
        table = zip(asked, texts, scores.tolist(), kl.tolist(), strict=True)
        names = ("prompt", "response", "score", "kl")
        samples = [dict(zip(names, row, strict=True)) for row in table]
        return Experience(rollout, logp, values, advantages, returns), metrics, samples[:SAMPLES]

    def optimise(self, batch: Experience) -> dict[str, float]:
        """Take the optimiser's steps on one batch, and say how they went."""
        config, accelerator = self.config, self.accelerator
        steps: list[Tensor] = []
        first_error = torch.zeros((), device=accelerator.device)
        for epoch in range(config.ppo_epochs):
            rng = np.random.default_rng((config.seed, 4, self.done, epoch))
            for minibatch in (self.slices[i] for i in rng.permutation(len(self.slices))):
                members = slice(minibatch[0].start, minibatch[-1].stop)
                tokens = accelerator.reduce(batch.rollout.response_mask[members].sum())
                sums = torch.zeros(5, device=accelerator.device)
                for rows in minibatch:
                    part, mask = batch[rows], batch.rollout.response_mask[rows]
                    more = rows is not minibatch[-1]
                    with accelerator.no_sync(self.wrapped) if more else nullcontext():
                        logits, values = self.wrapped(part.rollout, config.temperature)
                        logp = token_logprobs(logits, part.rollout.responses)
                        surrogate, clipped = policy_loss(
                            logp, part.logp, part.advantages, mask, config.clip
                        )
                        error = value_loss(
                            values, part.values, part.returns, mask, config.value_clip
                        )
                        # A mean over all tokens; DDP averages over processes, hence the factor.
                        loss = (surrogate + error) * accelerator.num_processes / tokens
                        accelerator.backward(loss)
                    with torch.no_grad():
                        off = torch.where(mask, torch.exp(logp - part.logp) - 1, 0)
                        moved = masked_sum(kl_estimate(part.logp, logp, "k3"), mask)
                        sums += torch.stack([surrogate, error, clipped, moved, off.sum()])
                        if not steps:
                            first_error = torch.maximum(first_error, off.abs().max())
                norms = [
                    nn.utils.clip_grad_norm_(group["params"], config.max_grad_norm)
                    for group in self.optimizer.param_groups  # policy, critic
                ]
                if not all(norm.isfinite() for norm in norms):
                    raise RuntimeError(
                        f"update {self.done + 1}: the loss or its gradient is not a finite number; "
                        "the last checkpoint is as it was, try a lower learning rate"
                    )
                self.optimizer.step()
                self.optimizer.zero_grad()
                steps.append(torch.cat([accelerator.reduce(sums) / tokens, norms[0][None]]))
        policy, value, clip_fraction, approx_kl, _, norm = torch.stack(steps).mean(0).tolist()
        return {
            "policy_loss": policy,
            "value_loss": value,
            "clip_fraction": clip_fraction,
            "approx_kl": approx_kl,  # per token, from the policy that sampled to the current one
            "grad_norm": norm,
            "first_ratio": 1 + steps[0][4].item(),
            "first_ratio_error": accelerator.gather(first_error[None]).max().item(),
        }

    def log(self, metrics: dict[str, float], samples: list[dict[str, Any]]) -> None:
        """Write a line of metrics, and samples now and then."""
        if metrics["first_ratio_error"] > 0.01:
            warnings.warn(
                f"update {self.done}: the first ratio is off 1 by "
                f"{metrics['first_ratio_error']:.2g}: the policy does not repeat its own "
                "log-probabilities",
                stacklevel=3,
            )
        shown = samples if self.done % self.config.samples_every == 0 or self.done == 1 else []
        rows = [{"update": self.done, **row} for row in shown]
        self.folder.log({"update": self.done, **metrics}, rows)
