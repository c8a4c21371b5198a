"""Checks of the inputs of a PPO run."""

import json
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator

from rlchf.prompts import Prompt
from rlchf.train.models.checksums import weights_checksum
from rlchf.train.models.generation import check_generation_config
from rlchf.train.models.quantised import is_quantised
from rlchf.train.optimiser import needs_master
from rlchf.train.ppo.advantages import needs_critic
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.rewards.combination import Combination
from rlchf.train.ppo.rewards.logged import LoggedReward
from rlchf.train.ppo.rewards.preferences import VoterPreferences
from rlchf.train.ppo.shaping import Reward
from rlchf.train.reward.model import RewardModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WHOLE_CRITIC = 1e-4
"""A learning rate of a whole critic above this, and above five times the policy's, is warned of."""


def check_inputs(
    policy: "PreTrainedModel", prompts: Sequence[Prompt], reward: Reward, config: PPOConfig
) -> None:
    """Refuse inputs with which the run would fail later, or train on something else than was meant.

    Raises
    ------
    ValueError
        If an input is wrong; the message says what would work.
    """
    if not isinstance(config, PPOConfig):
        raise ValueError(f"config is a {type(config).__name__}; give a PPOConfig")
    if isinstance(prompts, str):
        raise ValueError("prompts is one string; give a list of prompts")
    if not prompts:
        raise ValueError("there are no prompts to train on; give at least one")
    if not callable(reward):
        raise ValueError(
            f"reward is {reward!r}; give a RewardModel, or a function (prompts, responses) -> scores"
        )
    if getattr(policy, "peft_config", None):
        raise ValueError(
            "the policy has adapters already; merge them (policy.merge_and_unload()), or give the plain "
            "model and lora_rank"
        )
    if is_quantised(policy) and (not config.lora_rank or config.sampler == "vllm"):
        raise ValueError(
            "the policy's weights are quantised, and vLLM cannot be given them; choose another sampler"
            if config.lora_rank
            else "the policy's weights are quantised, so that only adapters can be trained; set lora_rank, "
            "for instance to 16"
        )
    check_generation_config(policy)
    warn_of_warmup(config)
    combined = [one for one in terms(reward) if isinstance(one, Combination)]
    keeping = [one for one in combined if one.keeps_shares]
    if keeping and (config.advantages == "grpo" or config.normalise_reward):
        cause = "advantages 'grpo'" if config.advantages == "grpo" else "normalise_reward"
        warnings.warn(
            f"{type(keeping[0]).__name__} keeps the shares at a KL coefficient of 1, and {cause} divides "
            "the reward, which gives the coefficient another meaning: no share is kept",
            stacklevel=3,
        )
    if following := [one for one in combined if one.follows_kl]:
        check_follows_kl(type(following[0]).__name__, config)
    normalised = [one for one in combined if one.normalises]
    if normalised and config.advantages == "grpo":
        warnings.warn(
            f"{type(normalised[0]).__name__} normalises the rewards of a prompt's responses, and advantages "
            "'grpo' divides their sum by its standard deviation once more; choose 'rloo', which keeps it",
            stacklevel=3,
        )


def warn_of_warmup(config: PPOConfig) -> None:
    """Warn of a run that ends before its warm-up does."""
    updates = config.updates
    if config.lr_warmup >= max(updates, 2):
        warnings.warn(
            f"lr_warmup is {config.lr_warmup} and updates is {updates}, so that the learning rates "
            "rise to the end of the run; lower lr_warmup",
            stacklevel=4,
        )
    if config.critic_warmup >= updates:
        warnings.warn(
            f"critic_warmup is {config.critic_warmup} and updates is {updates}, so that the policy does not "
            "learn; lower critic_warmup",
            stacklevel=4,
        )


def check_follows_kl(name: str, config: PPOConfig) -> None:
    """Refuse, or warn of, settings under which multipliers that follow from the KL coefficient are wrong."""
    check_reference(name, config)
    causes = {
        "advantages 'grpo' divides": config.advantages == "grpo",
        "normalise_reward divides": config.normalise_reward,
        "reward_clip cuts off": config.reward_clip > 0,
        f"kl_schedule '{config.kl_schedule}' outweighs": config.kl_schedule != "fixed",
    }
    for cause in [cause for cause, present in causes.items() if present]:
        warnings.warn(
            f"{name} finds its multipliers for the reward and the KL coefficient as they are, and {cause} "
            "the reward: the shares are then kept by the corrections alone",
            stacklevel=4,
        )


def check_reference(name: str, config: PPOConfig) -> None:
    """Refuse settings without a reference, from which multipliers could follow."""
    if config.kl_coef == 0 or config.reference == "uniform":
        found = "kl_coef is 0" if config.kl_coef == 0 else "reference is 'uniform'"
        raise ValueError(
            f"{found}, and {name} finds its multipliers from samples of the policy and the KL coefficient; "
            "give kl_coef above 0 and reference 'policy'"
        )


def terms(reward: Reward) -> list[Any]:
    """The reward itself, and the rewards that it combines."""
    inner = getattr(reward, "rewards", ()) if isinstance(reward, Combination) else ()
    parts = inner.values() if isinstance(inner, Mapping) else inner
    return [reward, *chain.from_iterable(terms(part) for part in parts)]


def figures_of(reward: Reward) -> dict[str, float]:
    """What the combined rewards have to log of the last batch."""
    return {
        name: value
        for one in terms(reward)
        if isinstance(one, Combination)
        for name, value in one.figures().items()
    }


def set_group_size(reward: Reward, responses_per_prompt: int) -> None:
    """Tell rewards that compare responses how many of them answer a prompt."""
    for one in terms(reward):
        if isinstance(one, Combination) and one.compares:
            one.responses_per_prompt = responses_per_prompt if responses_per_prompt > 1 else 0


def check_critic_given(critic: object, config: PPOConfig) -> None:
    """Refuse what cannot be a critic, and warn of a learning rate at which a whole model does not learn."""
    if critic is None:
        return
    if not needs_critic(config.advantages):
        raise ValueError(f"advantages is '{config.advantages}', which takes no critic")
    if not isinstance(critic, RewardModel | torch.nn.Module):
        raise ValueError(f"critic is {critic!r}; give a model, such as a RewardModel")
    if config.value_learning_rate > max(WHOLE_CRITIC, 5 * config.learning_rate):
        warnings.warn(
            f"the critic is a whole model, and value_learning_rate is {config.value_learning_rate:g}, which "
            "suits a linear layer; a model usually needs about 1e-05",
            stacklevel=4,
        )


def reward_models(reward: object) -> Iterator[RewardModel]:
    """The reward models in a reward, however they are combined."""
    if isinstance(reward, RewardModel):
        yield reward
    elif isinstance(reward, Mapping | list | tuple):
        for part in reward.values() if isinstance(reward, Mapping) else reward:
            yield from reward_models(part)
    elif isinstance(reward, Combination | LoggedReward | VoterPreferences):
        yield from reward_models(vars(reward))


def fingerprint(
    policy: "PreTrainedModel",
    encoded: Sequence[Sequence[int]],
    reward: Reward | None = None,
    held_out: Sequence[Sequence[int]] = (),
) -> dict[str, int]:
    """Checksums of the prompts, the policy's weights and the reward models with which a run begins."""
    checksums = [one.checksum() for one in reward_models(reward)]
    prompts, others = (
        zlib.crc32(json.dumps(list(map(list, rows))).encode()) for rows in (encoded, held_out)
    )
    return {
        "prompts": prompts,
        "held_out": others,
        "policy": weights_checksum(policy),
        **({"rewards": zlib.crc32(json.dumps(checksums).encode())} if checksums else {}),
    }


def check_fingerprint(before: dict[str, int], now: dict[str, int]) -> None:
    """Refuse to go on with a run that began with other prompts, another policy or another reward model."""
    if before["prompts"] != now["prompts"]:
        raise ValueError(
            "the prompts, or the tokens that the tokenizer makes of them, are not those with which the "
            "run began; give those, or begin anew in another folder"
        )
    if before.get("held_out", now["held_out"]) != now["held_out"]:
        raise ValueError(
            "the held-out prompts are not those with which the run began, whose figures could not be "
            "compared; give those, or begin anew in another folder"
        )
    if before["policy"] != now["policy"]:
        raise ValueError(
            "the policy is not the one with which the run began, which is its reference; load that one "
            "again (training changes a policy in place)"
        )
    if "rewards" in before and before["rewards"] != now.get("rewards"):
        raise ValueError(
            "a reward model is not the one with which the run began: its weights or its settings have "
            "changed, as when it is fitted again; give that one, or begin anew in another folder"
        )


def check_processes(accelerator: Accelerator, config: PPOConfig) -> None:
    """Refuse kinds of processes that PPO does not support, and numbers that do not divide its batches."""
    groups = accelerator.num_processes * config.responses_per_prompt
    if config.minibatch_size % groups:
        several = " times responses_per_prompt" * (config.responses_per_prompt > 1)
        raise ValueError(
            f"minibatch_size {config.minibatch_size} is not a multiple of the number of "
            f"processes{several}, {groups}"
        )
    if accelerator.mixed_precision == "fp16":
        raise ValueError("mixed precision fp16 is not supported; choose bf16 or no")
    if config.sampler == "vllm" and accelerator.num_processes > 1:
        raise ValueError(
            f"sampler is 'vllm', whose engine works in one process, not in {accelerator.num_processes}; "
            "choose 'generate' or 'continuous'"
        )
    kind = accelerator.distributed_type
    if kind == "DEEPSPEED" or (kind == "FSDP" and not accelerator.is_fsdp2):
        raise ValueError(
            f"PPO does not run under {'DeepSpeed' if kind == 'DEEPSPEED' else 'FSDP 1'}; FSDP 2 "
            "(fsdp_version: 2, as in examples/accelerate/fsdp.yaml) shards the weights as ZeRO 3 does"
        )


def check_sharded_precision(
    policy: "PreTrainedModel",
    critic: "PreTrainedModel | RewardModel | None",
    accelerator: Accelerator,
    config: PPOConfig,
) -> None:
    """Refuse to shard weights that are trained in bfloat16, beside others in float32."""
    if accelerator.distributed_type != "FSDP":
        return
    critic = critic.model if isinstance(critic, RewardModel) else critic
    trained = {"policy": None if config.lora_rank else policy, "critic": critic}
    for name, model in trained.items():
        if model is not None and needs_master(next(model.parameters())):
            raise ValueError(
                f"the {name} is trained in {model.dtype}, and FSDP shards weights of one precision; load it "
                "in float32, with mixed_precision: bf16 in the file of accelerate to compute in bfloat16"
            )


def check_vocabulary(
    policy: "PreTrainedModel", encoded: Sequence[Sequence[int]], ends: Sequence[int]
) -> None:
    """Refuse a tokenizer with tokens that the policy has no embedding of."""
    known = policy.get_input_embeddings().num_embeddings
    largest = max(chain(ends, chain.from_iterable(encoded)))
    if largest >= known:
        raise ValueError(
            f"the tokenizer makes token {largest} of a prompt, and the policy knows {known} tokens; give "
            "the policy's own tokenizer, or resize its embeddings"
        )
