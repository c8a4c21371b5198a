"""Settings of a PPO run; reading them needs no torch."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from rlchf.settings import Settings, seed_setting, setting
from rlchf.train.lora import without_lora
from rlchf.train.optimiser_settings import shared
from rlchf.train.ppo.advantages import ADVANTAGES, compares_responses, needs_critic
from rlchf.train.ppo.prompts import LongPrompts
from rlchf.train.ppo.samplers import SAMPLERS

KLEstimator = Literal["k1", "k2", "k3"]
if TYPE_CHECKING:
    Advantages = str
    SamplerName = str
else:
    Advantages = Literal[tuple(ADVANTAGES)]
    SamplerName = Literal[tuple(SAMPLERS)]


@dataclass(frozen=True)
class PPOConfig(Settings):
    """Settings of a PPO run; batch sizes count over all processes together."""

    updates: int = setting(100, "Number of PPO updates.", at_least=1, group="Batches")
    batch_size: int = setting(
        64,
        "Responses per update; a multiple of minibatch_size.",
        at_least=1,
        at_most=1 << 24,
        group="Batches",
    )
    minibatch_size: int = setting(
        16,
        "Responses per optimiser step; a multiple of the number of processes times responses_per_prompt.",
        at_least=1,
        group="Batches",
    )
    forward_size: int = setting(
        16,
        "Responses per forward pass on each process; a smaller number saves memory and does not "
        "change the gradient.",
        at_least=1,
        group="Batches",
    )
    sample_size: int = setting(
        0,
        "Responses that the sampler generate samples at a time on each process; 0 is forward_size times 4, "
        "because their keys and values take less memory than a training pass. A larger number is faster, "
        "and the responses are the same.",
        at_least=0,
        group="Batches",
    )
    gradient_checkpointing: bool = setting(
        False,
        "Activations of each layer computed again in the backward pass in place of being kept: less "
        "memory, about a third more time, the same gradient.",
        group="Batches",
    )
    ppo_epochs: int = setting(
        2, "Number of passes over each batch of responses.", at_least=1, group="Batches"
    )

    responses_per_prompt: int = setting(
        1,
        "Number of responses sampled to each prompt; they are consecutive rows of the batch.",
        at_least=1,
        group="Sampling",
    )
    max_new_tokens: int = setting(
        64, "Maximum length of a response in tokens.", at_least=1, group="Sampling"
    )
    max_prompt_length: int = setting(
        0,
        "Maximum length of a prompt in tokens; 0 for as many as leave room for max_new_tokens.",
        at_least=0,
        group="Sampling",
    )
    long_prompts: LongPrompts = setting(
        "refuse",
        "Treatment of prompts that are too long: refuse them, drop them, or truncate_left, which lets the "
        "policy read their end only. Those dropped or truncated are counted.",
        group="Sampling",
    )
    temperature: float = setting(
        1.0,
        "Temperature of the policy and the reference, in sampling and in log-probabilities.",
        above=0,
        at_most=1000,
        group="Sampling",
    )
    sampler: SamplerName = setting(
        "generate",
        "Sampling backend: transformers' generate, its continuous batching (the same draws), or vLLM.",
        group="Sampling",
    )
    vllm_memory: float = setting(
        0.3,
        "Fraction of the GPU's memory that the engine of the sampler vllm takes.",
        above=0,
        below=1,
        group="Sampling",
    )
    stop_tokens: tuple[str | int, ...] = setting(
        (),
        "Token that ends a response besides the end tokens of tokenizer and checkpoint, as an id or a text; "
        "repeatable. A text of several tokens ends it where it first appears. The text that the reward "
        "reads excludes what ended it.",
        group="Sampling",
    )

    normalise_reward: bool = setting(
        False,
        "Normalisation of scores to mean 0 and variance 1 over the run so far. The KL coefficient "
        "then counts in standard deviations of the reward.",
        group="Reward",
    )
    reward_clip: float = setting(
        0.0,
        "Largest absolute value of a score, after normalisation; 0 disables clipping.",
        at_least=0,
        group="Reward",
    )
    missing_eos_penalty: float = setting(
        0.0,
        "Penalty for a response that did not end within max_new_tokens.",
        at_least=0,
        group="Reward",
    )
    overlong_penalty: float = setting(
        0.0,
        "Penalty for a response of max_new_tokens tokens; it grows linearly from 0 over the last fifth "
        "of that length.",
        at_least=0,
        group="Reward",
    )

    kl_coef: float = setting(0.05, "KL coefficient (beta).", at_least=0, group="KL penalty")
    kl_estimator: KLEstimator = setting(
        "k1",
        "Estimator of the KL divergence: k1 in the reward, k2 or k3 in the loss; see rlchf.train.ppo.kl.",
        group="KL penalty",
    )
    kl_in: Literal["reward", "loss"] = setting(
        "reward",
        "Place of the KL penalty: in the reward, or in the loss token by token.",
        group="KL penalty",
    )
    kl_schedule: Literal["fixed", "adaptive", "linear"] = setting(
        "fixed",
        "Schedule of the KL coefficient: fixed, adaptive to kl_schedule_target, or linear to "
        "kl_coef_end.",
        group="KL penalty",
    )
    kl_schedule_target: float = setting(
        6.0,
        "Target of the adaptive schedule: KL divergence from the initial policy, in nats per response.",
        above=0,
        group="KL penalty",
    )
    kl_coef_end: float = setting(
        0.0, "KL coefficient at the end of the linear schedule.", at_least=0, group="KL penalty"
    )
    kl_horizon: int = setting(
        10,
        "Horizon of the schedule in updates: in that time the adaptive schedule changes the KL coefficient "
        "by about a fifth at most, and the linear schedule reaches kl_coef_end.",
        at_least=1,
        group="KL penalty",
    )
    reference: Literal["policy", "uniform"] = setting(
        "policy",
        "Reference of the KL penalty: the initial policy, or 'uniform', which penalises negative "
        "entropy only (preference matching).",
        group="KL penalty",
    )

    advantages: Advantages = setting(
        "gae",
        "Advantage estimator: gae, which needs a critic, or rloo and grpo, whose baseline is the other "
        "responses to the prompt.",
        group="Objective",
    )
    gamma: float = setting(
        1.0, "Discount per token in GAE.", at_least=0, at_most=1, group="Objective"
    )
    gae_lambda: float = setting(
        0.95,
        "Lambda of GAE; 1 is the sampled return minus the value, 0 the one-step temporal difference.",
        at_least=0,
        at_most=1,
        group="Objective",
    )
    whiten: bool = setting(
        True,
        "Normalisation of GAE's advantages to mean 0 and variance 1 over the batch.",
        group="Objective",
    )
    clip: float = setting(
        0.2, "Clip range of the probability ratio around 1.", at_least=0, group="Objective"
    )
    value_clip: float = setting(
        0.0,
        "Clip range of a value around its old value; 0 disables clipping.",
        at_least=0,
        group="Objective",
    )
    entropy_coef: float = setting(
        0.0,
        "Entropy coefficient: bonus per nat of the next token's entropy.",
        at_least=0,
        group="Objective",
    )

    learning_rate: float = setting(
        1e-5,
        "Learning rate of the policy; LoRA usually needs ten times as much.",
        at_least=0,
        at_most=1000,
        group="Optimiser",
    )
    value_learning_rate: float = setting(
        1e-3,
        "Learning rate of the critic; a critic copied from a reward model needs about that of the policy.",
        at_least=0,
        at_most=1000,
        group="Optimiser",
    )
    lr_schedule: Literal["constant", "linear"] = setting(
        "constant",
        "Learning rate schedule: constant, or linear to 0 over all updates.",
        group="Optimiser",
    )
    max_grad_norm: float = setting(
        1.0,
        "Maximum gradient norm (policy and critic separately); 0 disables clipping.",
        at_least=0,
        group="Optimiser",
    )
    lr_warmup: int = setting(
        0,
        "Number of first updates over which the learning rates rise linearly to their values.",
        at_least=0,
        group="Optimiser",
    )
    adam_beta1: float = shared("adam_beta1", "Optimiser")
    adam_beta2: float = shared("adam_beta2", "Optimiser")
    adam_eps: float = setting(
        1e-5,
        "Number that Adam adds to the root of the mean squared gradient; 1e-8 or less for full training of "
        "billions of weights, whose gradients are that small.",
        above=0,
        group="Optimiser",
    )
    weight_decay: float = shared("weight_decay", "Optimiser")
    critic_warmup: int = setting(
        0, "Number of first updates in which only the critic learns.", at_least=0, group="Optimiser"
    )
    lora_rank: int = setting(
        0,
        "Rank of LoRA adapters; 0 trains all weights and keeps a frozen copy as the reference.",
        at_least=0,
        at_most=1 << 16,
        group="Optimiser",
    )
    lora_alpha: float = shared("lora_alpha", "Optimiser")
    lora_dropout: float = shared("lora_dropout", "Optimiser")
    lora_targets: tuple[str, ...] = shared("lora_targets", "Optimiser")

    target_kl: float = setting(
        0.0,
        "KL divergence between the sampling policy and the current one, in nats per token, above which an "
        "update stops early; 0 disables this.",
        at_least=0,
        group="Limits and records",
    )
    max_kl: float = setting(
        500.0,
        "KL divergence from the initial policy, in nats per response, above which the run stops.",
        above=0,
        finite=False,
        group="Limits and records",
    )
    checkpoint_every: int = setting(
        10, "Number of updates between checkpoints.", at_least=1, group="Limits and records"
    )
    samples_every: int = setting(
        10,
        "Number of updates between samples in samples.jsonl.",
        at_least=1,
        group="Limits and records",
    )
    save_every: int = setting(
        0,
        "Number of updates between policies in checkpoints/, which from_pretrained reads; 0 writes none.",
        at_least=0,
        group="Limits and records",
    )
    save_last: int = setting(
        3,
        "Number of policies in checkpoints/ that are kept, the newest ones; 0 keeps all.",
        at_least=0,
        group="Limits and records",
    )
    evaluate_every: int = setting(
        10,
        "Number of updates between evaluations on the held-out prompts, if there are some.",
        at_least=1,
        group="Limits and records",
    )
    report_to: str = setting(
        "none",
        "Comma-separated trackers of the metrics, such as tensorboard or wandb.",
        group="Limits and records",
    )
    seed: int = seed_setting(
        "Random seed of samples, the order of the prompts, and new weights.",
        group="Limits and records",
    )

    @property
    def sampled_at_once(self) -> int:
        """Responses that the sampler generate samples at a time on each process."""
        return self.sample_size or 4 * self.forward_size

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """Pairs of whether something is wrong with the settings together, and what would work."""
        yield without_lora(self)
        sizes = ("batch_size", "minibatch_size", "responses_per_prompt")
        for name, divisor in pairwise(sizes):
            size, part = getattr(self, name), getattr(self, divisor)
            yield size % part != 0, f"{name} {size} is not a multiple of {divisor} {part}"
        yield (
            compares_responses(self.advantages) and self.responses_per_prompt < 2,
            f"advantages is '{self.advantages}', which compares responses to one prompt; set "
            "responses_per_prompt to 2 or more, better 4 to 8",
        )
        yield (
            not needs_critic(self.advantages) and self.critic_warmup > 0,
            f"advantages is '{self.advantages}', which has no critic to warm up; set "
            "critic_warmup to 0",
        )
        yield (
            self.kl_in == "loss" and self.kl_estimator == "k1",
            "kl_in is 'loss' and kl_estimator is 'k1', whose gradient is 0 on average; choose "
            "'k2', whose gradient is that of the divergence, or 'k3'",
        )
        yield (
            self.kl_schedule == "adaptive" and self.kl_coef == 0,
            "kl_schedule is 'adaptive' and kl_coef is 0, which no factor changes; begin above 0",
        )
        yield (
            self.reference == "uniform" and self.kl_estimator == "k3",
            "reference is 'uniform' and kl_estimator is 'k3', which needs a distribution to "
            "compare with; choose 'k1', or 'k2' with kl_in = 'loss'",
        )
        yield (
            self.kl_in == "reward" and self.kl_estimator != "k1",
            f"kl_in is 'reward' and kl_estimator is '{self.kl_estimator}', which there drives the policy "
            "away from the reference: only 'k1' has the gradient of the divergence as part of the reward; "
            "choose 'k1', or kl_in = 'loss'",
        )
