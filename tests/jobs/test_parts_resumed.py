"""A run in parts that was stopped goes on where it was, and ends with the same bytes."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
from filelock import FileLock

from rlchf.jobs.large import work
from rlchf.jobs.large.folder import MANIFEST
from rlchf.jobs.locks import LOCK
from tests.support.cli import refused, rlchf
from tests.support.large import LONG, ballots, shuffled, write

ROWS = ballots(24, 4)


def stopped(*arguments: object, after: int) -> None:
    """Run a command that is interrupted after some parts."""
    decide, left = work.Work.decide, iter(range(after))

    def decide_some(*given: object) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        decide(*given)  # type: ignore[arg-type]

    with mock.patch.object(work.Work, "decide", decide_some):
        assert rlchf(*arguments).returncode == 130


@pytest.fixture(params=["borda", "perpetual_pav", "random_ballot"])
def rule(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_stopped_run_goes_on_to_the_same_bytes(rule: str, kind: str, tmp_path: Path) -> None:
    if kind == "csv":
        pytest.importorskip("duckdb")
    path = write(tmp_path / f"votes.{kind}", shuffled(ROWS) if kind == "csv" else ROWS)
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    rlchf("aggregate", path, "--rule", rule, "--out", whole)
    command = ("aggregate", path, "--rule", rule, "--out", out)
    stopped(*command, "--memory", "9KB", after=3)
    assert not out.exists()
    parts = tmp_path / "out.jsonl.parts"
    before = {p.name: p.stat().st_mtime_ns for p in parts.glob("0*.jsonl")}
    assert len(before) == 3
    stopped(*command, "--resume", after=2)  # in parts of the same size
    after = {p.name: p.stat().st_mtime_ns for p in parts.glob("0*.jsonl")}
    assert len(after) == 5
    assert before.items() <= after.items()
    assert rlchf(*command, "--resume").returncode == 0
    assert out.read_bytes() == whole.read_bytes()
    assert not parts.exists()


def test_other_inputs_and_settings_are_no_run_to_go_on_with(tmp_path: Path) -> None:
    path, out = write(tmp_path / "votes.parquet", ROWS), tmp_path / "out.jsonl"
    command = ("aggregate", path, "--memory", "9KB", "--out", out)
    assert "no run to go on with" in refused(rlchf(*command, "--resume"))
    stopped(*command, after=1)
    assert "go on with --resume" in refused(rlchf(*command))
    said = refused(rlchf(*command, "--rule", "borda", "--resume"))
    assert "other settings (rule)" in said
    write(path, ROWS[:-1])
    assert "a run with other files" in refused(rlchf(*command, "--resume"))
    shutil.rmtree(f"{out}.parts")
    assert rlchf(*command).returncode == 0
    assert "out.jsonl is complete" in refused(rlchf(*command, "--resume"))
    assert "--resume goes on with a file" in refused(rlchf("aggregate", path, "--resume"))


def test_warnings_of_parts_before_the_stop_are_told_at_the_end(tmp_path: Path) -> None:
    path, out = write(tmp_path / "v.csv", ballots(60, 6, gaps=0.3)), tmp_path / "out.jsonl"
    command = ("aggregate", path, "--rule", "plurality", "--out", out)
    said = rlchf(*command).stderr
    assert "favours responses on many ballots" in said
    out.unlink()
    stopped(*command, "--memory", "60KB", after=2)
    assert rlchf(*command, "--resume").stderr == said


def test_a_killed_run_is_absent_and_then_complete(tmp_path: Path) -> None:
    path, out = write(tmp_path / "votes.jsonl", ROWS, LONG), tmp_path / "out.jsonl"
    whole = tmp_path / "whole.jsonl"
    rlchf("aggregate", path, "--rule", "cpb", "--out", whole)
    arguments = ["aggregate", str(path), "--rule", "cpb", "--out", str(out)]
    command = [sys.executable, "-m", "rlchf", *arguments]
    process = subprocess.Popen([*command, "--memory", "1KB"], env={**os.environ})
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        if len(list(tmp_path.glob("out.jsonl.parts/0*.jsonl"))) > 2:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.002)
    process.wait()
    if process.returncode == -signal.SIGKILL:  # it may have been done before
        assert not out.exists()
        done = rlchf(*arguments, "--resume")
        assert done.returncode == 0, done.stderr
    assert out.read_bytes() == whole.read_bytes()


def test_two_runs_into_one_file_are_refused(tmp_path: Path) -> None:
    path, out = write(tmp_path / "votes.parquet", ROWS), tmp_path / "out.jsonl"
    folder = tmp_path / "out.jsonl.parts"
    folder.mkdir()
    command = ("aggregate", path, "--memory", "9KB", "--out", out)
    assert "holds no run to go on with" in refused(rlchf(*command))
    (folder / MANIFEST).write_text("{}")  # as a run does that has begun
    assert "is in progress" in refused(rlchf(*command))


def test_a_run_in_progress_is_not_gone_on_with(tmp_path: Path) -> None:
    path, out = write(tmp_path / "votes.parquet", ROWS), tmp_path / "out.jsonl"
    command = ("aggregate", path, "--memory", "9KB", "--out", out)
    stopped(*command, after=1)
    with FileLock(tmp_path / "out.jsonl.parts" / LOCK):
        assert "another process is at work" in refused(rlchf(*command, "--resume"))
    assert rlchf(*command, "--resume").returncode == 0


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    path, out = write(tmp_path / "votes.parquet", ROWS), tmp_path / "out.jsonl"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with mock.patch.object(work.Work, "decide", side_effect=full):
        said = refused(rlchf("aggregate", path, "--memory", "9KB", "--out", out))
    assert "out.jsonl.parts: cannot be written: the disk is full" in said
    assert list(tmp_path.iterdir()) == [path]
