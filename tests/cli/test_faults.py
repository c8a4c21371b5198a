"""A full disk, and memory that runs out, in a training: a sentence, and it goes on where there is more."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from rlchf.train.reward.ranking_trainer import RankingTrainer
from tests.support.cli import Done, rlchf
from tests.support.emoji_runs import SETTINGS, small_emoji_run
from tests.support.ppo_jobs import arguments, job_folder, policy_weights

resource = pytest.importorskip("resource")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process becomes larger, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    for folder in job_folder(tmp_path_factory.mktemp("faults")):
        small_emoji_run(folder, 6, SETTINGS.split("[ppo]")[0])
        yield folder


def assert_one_sentence(done: Done, problem: str) -> None:
    assert problem in done.stderr
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("rlchf: ")]
    assert len([line for line in lines if not line.startswith("rlchf: warning")]) == 1
    assert "Traceback" not in done.stderr


def job_of(command: str) -> list[object]:
    files = ("rankings.csv", "--prompts", "prompts.jsonl", "--responses", "responses.jsonl")
    return {
        "ppo": arguments("--reward", "tastes:vowels", "--prompts", "prompts.jsonl", "--updates", 1),
        "reward": ["reward", *files, "--model", "tiny", "--epochs", 1],
        "run": ["run", "small.toml"],
    }[command]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("command", "size"),
    [
        ("reward", 150_000),
        ("ppo", 40_000),
        pytest.param("run", 100_000, marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_ends_a_training_that_then_goes_on_to_the_same_model(
    command: str, size: int, folder: Path, tmp_path: Path
) -> None:
    job, out = job_of(command), tmp_path / "out"
    whole = rlchf(*job, "--out", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    with largest_file(size):
        done = rlchf(*job, "--out", out)
    assert_one_sentence(done, "there is no room on the disk (")
    model = "reward" if command == "run" else "."
    assert not (out / model / "config.json").exists()
    done = rlchf(command, "--resume", out)
    assert done.returncode == 0, done.stderr
    before, after = policy_weights(tmp_path / "whole" / model), policy_weights(out / model)
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory"
        ),
    ],
)
def test_memory_that_runs_out_is_a_sentence(
    error: Exception, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(RankingTrainer, "compute_loss", fail)
        done = rlchf(*job_of("reward"), "--out", tmp_path / "out")
    assert_one_sentence(done, "out.partial: the memory does not suffice (")
    assert re.search("go on with --resume where there is more", done.stderr)
    assert not (tmp_path / "out").exists()
