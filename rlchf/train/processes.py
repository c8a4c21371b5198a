"""Several processes: what accelerate has to be told of them, and who of them speaks."""

import os
from datetime import timedelta
from typing import Any

import torch

from rlchf.train.ppo.config import PPOConfig


def allow_processors() -> None:
    """Let processes without an accelerator work together, as `torchrun` started them.

    Where there is no accelerator, the library of that name takes each process of `torchrun` for one
    that is alone, unless told to use the processors. Call this before anything asks it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not torch.accelerator.is_available():
        os.environ.setdefault("ACCELERATE_USE_CPU", "true")


def check_processes(accelerator: Any, config: PPOConfig) -> None:
    """Refuse processes that PPO cannot run on, or cannot share its batches among."""
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
            "(fsdp_version: 2, as in examples/accelerate/fsdp.yaml) divides the weights as ZeRO 3 does"
        )


def first_to_say(text: str) -> bool:
    """Whether no other process of the same `torchrun` has said this.

    They ask the store of `torchrun` itself, which is there before the processes have met and when one
    of them has failed. Where there is none, each is the first.
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return True
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # not in every build

    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    try:
        store = TCPStore(host, port, is_master=False, timeout=timedelta(seconds=5))
        return bool(store.add(f"rlchf/said/{attempt}/{text}", 1) == 1)
    except RuntimeError:  # torchrun has ended
        return True
