"""What a PPO run is given, looked at before it begins."""

import json
import warnings
import zlib
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import torch

from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.rewards import PopulationProportional, WeightedSum, WinShare
from rlchf.train.ppo.rewards.groups import Comparing
from rlchf.train.ppo.shaping import Reward
from rlchf.train.reward.model import RewardModel

SAMPLE = 4096  # weights of each tensor that tell one policy from another


def check_given(policy: Any, prompts: Sequence[Any], reward: Reward, config: PPOConfig) -> None:
    """Refuse what would fail later, or train something else than was meant.

    Raises
    ------
    ValueError
        With what was given, and what would work.
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
    settings = getattr(policy, "generation_config", None)
    if settings is not None:  # save_pretrained would refuse it when all is done
        try:
            settings.validate(strict=True)
        except ValueError as error:
            problem = str(error).strip().splitlines()[0]
            raise ValueError(
                f"the policy could not be saved with its generation_config ({problem}); mend that, for "
                "instance by policy.generation_config.do_sample = True"
            ) from None
    keeping = [one for one in parts(reward) if isinstance(one, WinShare | PopulationProportional)]
    if keeping and (config.advantages == "grpo" or config.normalise_reward):
        by = "advantages 'grpo'" if config.advantages == "grpo" else "normalise_reward"
        warnings.warn(
            f"{type(keeping[0]).__name__} keeps the shares at a price of 1, and {by} divides the reward, "
            "which gives the price another meaning: no share is kept",
            stacklevel=3,
        )


def parts(reward: Reward) -> list[Any]:
    """The reward itself, or those that it is the weighted sum of."""
    return list(reward.rewards) if isinstance(reward, WeightedSum) else [reward]


def tell_group_size(reward: Reward, count: int) -> None:
    """Let rewards that compare responses know how many of them answer a prompt."""
    for one in parts(reward):
        if isinstance(one, Comparing):
            one.each = count if count > 1 else 0


def critic_of(critic: Any) -> Any:
    """The model from which the critic starts, of a reward model too."""
    if isinstance(critic, RewardModel):
        return critic.model
    if critic is not None and not isinstance(critic, torch.nn.Module):
        raise ValueError(f"critic is {critic!r}; give a model, such as a RewardModel")
    return critic


def origin(policy: Any, encoded: Sequence[Sequence[int]]) -> dict[str, int]:
    """What a run begins with, as numbers that change with it: the prompts, and the policy's weights."""
    weights = 0
    for name, tensor in policy.named_parameters():
        few = tensor.detach().flatten()[:SAMPLE].cpu().contiguous()
        weights = zlib.crc32(
            few.view(torch.uint8).numpy().tobytes(), zlib.crc32(name.encode(), weights)
        )
    return {"prompts": zlib.crc32(json.dumps(list(map(list, encoded))).encode()), "policy": weights}


def check_origin(before: dict[str, int], now: dict[str, int]) -> None:
    """Refuse to go on with a run that began with something else."""
    if before["prompts"] != now["prompts"]:
        raise ValueError(
            "the prompts, or the tokens that the tokenizer makes of them, are not those with which the "
            "run began; give those, or begin anew in another folder"
        )
    if before["policy"] != now["policy"]:
        raise ValueError(
            "the policy is not the one with which the run began, which is its reference; load that one "
            "again (training changes a policy in place)"
        )


def check_vocabulary(policy: Any, encoded: Sequence[Sequence[int]], ends: Sequence[int]) -> None:
    """Refuse a tokenizer that has tokens of which the policy knows nothing."""
    known = policy.get_input_embeddings().num_embeddings
    largest = max(chain(ends, chain.from_iterable(encoded)))
    if largest >= known:
        raise ValueError(
            f"the tokenizer makes token {largest} of a prompt, and the policy knows {known} tokens; give "
            "the policy's own tokenizer, or resize its embeddings"
        )


def check_measured(found: object) -> dict[str, float]:
    """Refuse what is no mapping of names to numbers."""
    if not isinstance(found, Mapping):
        raise ValueError(f"measure returned {found!r}; it must return numbers by their names")
    return dict(found)
