"""Several processes on processors alone: what accelerate has to be told of them."""

import os

import torch


def allow_processors() -> None:
    """Let processes without an accelerator work together, as `torchrun` started them.

    Where there is no accelerator, the library of that name takes each process of `torchrun` for one
    that is alone, unless told to use the processors. Call this before anything asks it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not torch.accelerator.is_available():
        os.environ.setdefault("ACCELERATE_USE_CPU", "true")
