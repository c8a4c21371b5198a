"""What every test shares."""

import contextlib
import gc
import os
from pathlib import Path

import pytest

from tests.support.files import Write

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


def pytest_collection_finish() -> None:
    """The imported modules and collected tests stay: collecting garbage need not look through them."""
    gc.freeze()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file
