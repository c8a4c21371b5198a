"""What every test shares."""

import contextlib
import os

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # two threads on a busy machine make tiny models crawl
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def pytest_configure() -> None:
    """One thread for torch, which may have counted the cores before us."""
    with contextlib.suppress(ImportError):
        import torch

        torch.set_num_threads(1)
