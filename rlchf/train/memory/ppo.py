"""The memory of a PPO run: its own stages, run on fake tensors."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rlchf.train.memory.counter import Counter
from rlchf.train.memory.fakes import empty_model, fake_tensors, make_fake
from rlchf.train.memory.parts import (
    dequantised,
    optimiser_bytes,
    quantised_bytes,
    step_bytes,
    weight_bytes,
)
from rlchf.train.memory.plan import Bytes, Plan
from rlchf.train.models.adapters import lora_options
from rlchf.train.models.padding import positions
from rlchf.train.ppo.actor_critic import ActorCritic
from rlchf.train.ppo.advantages import needs_critic
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.experience import Experience, read
from rlchf.train.ppo.optimise import summed_loss
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sampling import only_drawn
from rlchf.train.reward.backbone import reading_options

if TYPE_CHECKING:
    from transformers import PretrainedConfig

TOGETHER = 64
"""Responses that continuous batching samples at a time."""


@dataclass(frozen=True)
class RewardShape:
    """A reward model: its config, its weights' precision, the tokens of a text, and texts read at a time."""

    config: "PretrainedConfig"
    dtype: torch.dtype
    tokens: int
    rows: int = 32


def plan_ppo(
    config: PPOConfig,
    policy: "PretrainedConfig",
    prompt_tokens: int,
    *,
    dtype: torch.dtype = torch.float32,
    four_bits: bool = False,
    rewards: Mapping[str, RewardShape] | None = None,
    critic: RewardShape | None = None,
    on_gpu: bool = True,
) -> Plan:
    """Count what a run with these settings holds on one device.

    Parameters
    ----------
    policy
        The config of the policy.
    prompt_tokens
        Tokens of the longest prompt; every response is taken to have ``max_new_tokens``.
    dtype
        Precision of the policy's weights.
    four_bits
        Whether the policy's weights under the adapters are held in 4 bits.
    rewards
        The reward models by name; a function counts nothing.
    critic
        The reward model that the critic copies.
    on_gpu
        Whether the optimiser takes its step for all weights at once, as it does on GPUs.
    """
    run = _FakeRun(config, policy, prompt_tokens, dtype, four_bits, critic)
    scorers = {name: _Scorer(shape) for name, shape in (rewards or {}).items()}
    held = run.held() | {f"reward model {name}": each.weights for name, each in scorers.items()}
    phases = {"sampling": run.sampling()}
    stages = {"reading": run.reading(), "training": run.training()}
    if four_bits:
        phases = {name: dequantised(each, run.inner) for name, each in phases.items()}
        stages = {name: dequantised(each, run.inner) for name, each in stages.items()}
    if scorers:
        phases["scoring"] = max((each.scoring() for each in scorers.values()), key=_total)
    phases |= stages | {"step": step_bytes(run.trained, on_gpu)}
    engine = config.vllm_memory if config.sampler == "vllm" else 0.0
    return Plan(held, phases, engine)


def _total(phase: Bytes) -> int:
    return phase.total


class _FakeRun:
    """The models of a run as fake tensors, and the stages of an update."""

    def __init__(
        self,
        config: PPOConfig,
        policy: "PretrainedConfig",
        prompt_tokens: int,
        dtype: torch.dtype,
        four_bits: bool,
        critic: RewardShape | None,
    ) -> None:
        self.config, self.prompt_tokens, self.four_bits = config, prompt_tokens, four_bits
        self.inner = model = empty_model(policy, dtype)
        trunk = empty_model(critic.config, critic.dtype, "classifier") if critic else None
        with torch.device("meta"):
            self.model = ActorCritic(
                model,
                config.lora_rank,
                trunk,
                needs_critic(config.advantages),
                lora_options(config),
            )
        if config.gradient_checkpointing:
            self.model.checkpoint_layers()
        with fake_tensors():
            make_fake(self.model)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.vocabulary = policy.get_text_config().vocab_size

    def held(self) -> dict[str, int]:
        """Bytes of the weights and of the optimiser's state, by part."""
        parts = self.model
        adapters = [p for p in parts.policy.parameters() if p.requires_grad]
        everything = [*parts.policy.parameters(), *parts.policy.buffers()]
        held = {"policy": weight_bytes(everything)}
        if self.config.lora_rank:
            held["adapters"] = weight_bytes(adapters)
            held["policy"] -= held["adapters"]
        if parts.reference is not None:
            held["reference"] = weight_bytes(parts.reference.parameters())
        if parts.critic is not None:
            held["critic"] = weight_bytes(parts.critic.parameters())
        if self.four_bits:
            held["policy"] += quantised_bytes(self.inner)
        return held | {"Adam": optimiser_bytes(self.trained)}

    def rollout(self, rows: int) -> Rollout:
        """Responses of full length to prompts of full length."""
        length = self.config.max_new_tokens
        ids = torch.zeros((rows, self.prompt_tokens + length), dtype=torch.long)
        mask = torch.ones_like(ids, dtype=torch.bool)
        ended = torch.ones(rows, dtype=torch.bool)
        return Rollout(ids, mask, mask[:, self.prompt_tokens :], ended)

    def slices(self) -> list[slice]:
        """The rows of a minibatch's first forward passes; what two of them hold, all do."""
        config = self.config
        size = min(config.forward_size, config.minibatch_size)
        starts = range(0, min(config.minibatch_size, 2 * size), size)
        return [slice(i, min(i + size, config.minibatch_size)) for i in starts]

    def sampling(self) -> Bytes:
        """Reading the prompts, and the draws at full length."""
        config = self.config
        rows = min(config.batch_size, config.sampled_at_once)
        if config.sampler == "vllm":
            return Bytes()
        if config.sampler == "continuous":
            rows = min(config.batch_size, TOGETHER)
        with fake_tensors(), torch.no_grad():
            ids = torch.zeros((rows, self.prompt_tokens), dtype=torch.long)
            mask = torch.ones_like(ids)
            reading = Counter(self.model, self.vocabulary)
            with reading:
                output = self.model.policy(
                    input_ids=ids, attention_mask=mask, position_ids=positions(mask),
                    logits_to_keep=torch.tensor([-1]), use_cache=True,
                )  # fmt: skip
            tokens = self.prompt_tokens + config.max_new_tokens
            kept = getattr(output, "past_key_values", None)
            cache, layers = cache_bytes(kept, tokens)
            of_prompts = min(cache_bytes(kept, self.prompt_tokens)[0], reading.peak.activations)
            drawing = Counter(self.model, self.vocabulary)
            with drawing:
                scores = output.logits[:, -1].to(torch.float32, copy=True) / config.temperature
                only_drawn(scores, torch.zeros(rows))
        drawn = Bytes(
            activations=cache // max(1, 2 * layers), logits=drawing.peak.logits, cache=cache
        )
        read_in = replace(
            reading.peak, activations=reading.peak.activations - of_prompts, cache=of_prompts
        )
        return max(read_in, drawn, key=_total)

    def reading(self) -> Bytes:
        """The log-probabilities of the policy and the reference."""
        slices = self.slices()
        with fake_tensors():
            rollout = self.rollout(slices[-1].stop)
            counter = Counter(self.model, self.vocabulary)
            with counter:
                read(self.model, rollout, [slices], self.config.temperature)
        return counter.peak

    def training(self) -> Bytes:
        """The forward and the backward pass."""
        slices = self.slices()
        with fake_tensors():
            rollout = self.rollout(slices[-1].stop)
            like = torch.zeros(rollout.response_mask.shape)
            batch = Experience(rollout, like, like, like, like, like)
            counter = Counter(self.model, self.vocabulary)
            with counter:
                for rows in slices:
                    loss, _, _ = summed_loss(batch[rows], self.model, self.config, kl_coef=0.1)
                    loss.backward()
        return counter.peak


def cache_bytes(cache: Any, tokens: int) -> tuple[int, int]:
    """Bytes of the keys and values of so many tokens, and the number of layers that have some.

    Parameters
    ----------
    cache
        A cache that holds those of a prompt; None where the model has no such cache. Layers with a sliding
        window keep no more than their window.
    """
    total = layers = 0
    for layer in getattr(cache, "layers", ()):
        tensors = [t for t in vars(layer).values() if isinstance(t, Tensor) and t.dim() == 4]
        layers += bool(tensors)
        limit = getattr(layer, "sliding_window", None)
        kept = tokens if limit is None else min(tokens, limit)
        total += sum(weight_bytes([t]) * kept // max(1, t.shape[2]) for t in tensors)
    return total, layers


class _Scorer:
    """A reward model as fake tensors."""

    def __init__(self, shape: RewardShape) -> None:
        self.shape = shape
        self.model: nn.Module = empty_model(shape.config, shape.dtype, "classifier")
        self.options = reading_options(self.model)
        with fake_tensors():
            make_fake(self.model)
        self.weights = weight_bytes([*self.model.parameters(), *self.model.buffers()])

    def scoring(self) -> Bytes:
        """Reading a batch of texts."""
        with fake_tensors(), torch.no_grad():
            ids = torch.ones((self.shape.rows, self.shape.tokens), dtype=torch.long)
            mask = torch.ones_like(ids)
            counter = Counter(self.model, self.shape.config.get_text_config().vocab_size)
            with counter:
                self.model(input_ids=ids, attention_mask=mask, **self.options)
        return counter.peak
