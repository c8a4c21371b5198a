"""Several processes, and the threads of each."""

import ctypes
import gc
import os
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from accelerate import PartialState


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


def release_memory() -> None:
    """Give back the memory of what is no longer used, which the allocators would keep."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:  # of the C library of GNU
        trim(0)


def process() -> "PartialState":
    """This process among those that `torchrun` started: whether it is the main one, and its device."""
    allow_processors()
    from accelerate import PartialState

    return PartialState()
