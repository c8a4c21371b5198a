"""Several processes: settings of accelerate, and what PPO supports."""

import os
from typing import TYPE_CHECKING

import torch

from rlchf.train.ppo.config import PPOConfig

if TYPE_CHECKING:
    from accelerate import Accelerator, PartialState


def allow_processors() -> None:
    """Let the processes of `torchrun` work together on a machine without a GPU.

    Without this setting the library accelerate treats each process as the only one there. Call it before
    accelerate is first used.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not torch.accelerator.is_available():
        os.environ.setdefault("ACCELERATE_USE_CPU", "true")


def use_one_thread() -> None:
    """Let torch work with one thread.

    A tiny model gains nothing from more threads, which on a busy machine wait for one another; and
    with one the numbers do not depend on the number of cores.
    """
    torch.set_num_threads(1)


def process() -> "PartialState":
    """This process among those that `torchrun` started: whether it is the main one, and its device."""
    allow_processors()
    from accelerate import PartialState

    return PartialState()


def check_processes(accelerator: "Accelerator", config: PPOConfig) -> None:
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
