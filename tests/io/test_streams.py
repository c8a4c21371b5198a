"""Pipes, devices and streams that are closed; files that are written when the disk is full."""

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlchf.aggregation import Aggregation
from rlchf.io.atomic import write_files
from rlchf.io.files import read_bytes
from rlchf.io.sources._records import Files
from tests.support.cli import refused, rlchf
from tests.support.hostile import GOOD
from tests.support.processes import ROOT


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    return path


def test_a_pipe_is_read_to_its_end_however_late_its_writer_comes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        time.sleep(1.2)
        with pipe.open("wb") as file:
            for part in (b"a", b"b" * 200_000, b"c"):
                file.write(part)
                file.flush()
                time.sleep(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    data = read_bytes(pipe)
    writer.join()
    assert data == b"a" + b"b" * 200_000 + b"c"
    assert capsys.readouterr().err == f"rlchf: waiting for a program that writes to {pipe}\n"


def test_a_pipe_to_which_nobody_writes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("RLCHF_MAX_WAIT", "0")
    with pytest.raises(
        ValueError, match="a named pipe that no program opened for writing within 0 sec"
    ):
        read_bytes(tmp_path / "pipe")


def test_a_pipe_of_something_else_is_not_read_twice(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="a pipe or a device, which can be read once only"):
        Files.of([str(pipe)])
    threading.Thread(target=pipe.write_text, args=('{"x": 1}\n',)).start()
    done = rlchf("aggregate", pipe, "--rule", "borda")
    assert done.returncode == 2
    assert "the columns x fit no format" in done.stderr


def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"/dev/zero: a device, which gave 256.0 MiB without an end"
    ):
        read_bytes("/dev/zero")
    assert read_bytes("/dev/null") == b""


def test_a_stream_may_have_half_of_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "v.csv").write_bytes(b"x" * 3_000)
    monkeypatch.setenv("RLCHF_MAX_MEMORY", "2K")
    with pytest.raises(ValueError, match=r"the file needs 2.9 KiB of memory, and 2.0 KiB may"):
        read_bytes(tmp_path / "v.csv")
    monkeypatch.setenv("RLCHF_MAX_MEMORY", "many")
    with pytest.raises(ValueError, match="RLCHF_MAX_MEMORY is 'many'; give a whole number"):
        read_bytes(tmp_path / "v.csv")


CLOSED = {
    "{rlchf} aggregate {votes} --rule borda >&-": (2, "standard output is closed; give it a file"),
    "{rlchf} aggregate - --rule borda <&-": (
        2,
        "standard input is closed; give the name of a file",
    ),
    "{rlchf} aggregate <(cat {votes}) --rule borda --out {out} <&- 2>&-": (0, ""),
    "{rlchf} aggregate {votes} --rule borda | true; exit ${PIPESTATUS[0]}": (141, ""),
}


@pytest.mark.slow
def test_streams_may_be_closed_and_files_may_be_pipes(votes: Path, tmp_path: Path) -> None:
    program = f"{sys.executable} -m rlchf"
    running = {}
    for n, command in enumerate(CLOSED):
        filled = (
            command.replace("{rlchf}", program)
            .replace("{votes}", str(votes))
            .replace("{out}", str(tmp_path / f"{n}.jsonl"))
        )
        running[command] = subprocess.Popen(
            ["bash", "-c", filled],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    for command, (code, said) in CLOSED.items():
        _, errors = running[command].communicate(timeout=120)
        assert running[command].returncode == code, (command, errors)
        assert said in errors
        assert "Traceback" not in errors


# Outputs


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may have more than 20 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


OUTPUTS = (
    ("aggregate", "good.csv", "--rule", "borda", "--out", "out.jsonl"),
    ("aggregate", "good.csv", "--rule", "borda", "--out", "out.csv"),
    ("aggregate", "good.csv", "--rule", "borda", "--out", "out.parquet"),
    ("aggregate", "good.csv", "--rule", "borda", "--out", "out.jsonl.gz"),
    ("audit", "good.csv", "agg.jsonl", "--out", "out.json"),
    ("audit", "good.csv", "agg.jsonl", "--plot", "out"),
    ("convert", "good.csv", "--to", "preflib", "--out", "out"),
    ("convert", "good.csv", "--to", "blt", "--out", "out"),
    ("convert", "good.csv", "--out", "out.parquet"),
    ("pairs", "agg.jsonl", "--prompts", "prompts.jsonl", "--responses", "responses.jsonl", "--to", "trl",
     "--out", "out.jsonl"),
    ("pairs", "agg.jsonl", "--prompts", "prompts.jsonl", "--responses", "responses.jsonl", "--to", "axolotl",
     "--out", "out"),
    ("tasks", "responses.jsonl", "--prompts", "prompts.jsonl", "--to", "potato", "--annotators", "2", "--out",
     "out"),
    ("constitution", "convert", "default.json", "--out", "out.toml"),
)  # fmt: skip


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    votes = "prompt_id,annotator_id,response_id,rank\n" + "".join(
        f"p,u{n},{response},{1 + (n + m) % 2}\n"
        for n in range(30)
        for m, response in enumerate("ab")
    )
    (tmp_path / "good.csv").write_text(votes)
    ranking = '{"prompt_id": "p", "ranking": [["a"], ["b"]], "scores": {"a": 2, "b": 1}}\n'
    (tmp_path / "agg.jsonl").write_text(ranking)
    (tmp_path / "prompts.jsonl").write_text('{"prompt_id": "p", "prompt": "hi"}\n')
    texts = (
        f'{{"prompt_id": "p", "response_id": "{one}", "text": "{one * 200}"}}\n' for one in "ab"
    )
    (tmp_path / "responses.jsonl").write_text("".join(texts))
    (tmp_path / "default.json").write_text('{"name": "x", "principles": ["' + "kind " * 40 + '"]}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusals(folder: Path, out_is: str) -> None:
    """That each command refuses, and leaves what was there before."""
    before = sorted(folder.rglob("*"))
    for command in OUTPUTS:
        filled = [
            part.replace("out", out_is, 1) if part.startswith("out") else part for part in command
        ]
        done = rlchf(*filled)
        assert done.returncode == 2, (command, done.stderr)
        sentences = [line for line in done.stderr.splitlines() if "rlchf: warning" not in line]
        assert len(sentences) == 1, (command, done.stderr)
        assert sorted(folder.rglob("*")) == before, command


def test_an_output_on_a_full_disk_is_absent(inputs: Path, full_disk: None) -> None:
    refusals(inputs, "out")


def test_an_output_below_a_file_is_refused(inputs: Path) -> None:
    refusals(inputs, "good.csv/out")


def test_files_that_belong_together_all_get_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            write_files({tmp_path / "new" / name: b"x" for name in "abc"})
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a", "b", "c"]


def test_sigterm_removes_a_file_that_is_half_written(
    votes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def records(self: Aggregation) -> Iterator[dict[str, Any]]:
        yield {"prompt_id": "p"}
        assert len(list(votes.parent.iterdir())) == 2  # the file in the making
        os.kill(os.getpid(), signal.SIGTERM)
        yield {}

    monkeypatch.setattr(Aggregation, "records", records)
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        done = rlchf("aggregate", votes, "--rule", "borda", "--out", votes.parent / "out.jsonl")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done.returncode == 143
    assert list(votes.parent.iterdir()) == [votes]


def test_links_in_a_circle_are_one_sentence(
    votes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    for command in (
        ["aggregate", "loop"],
        ["aggregate", "loop/votes.csv", "--memory", "1MB"],
        ["aggregate", votes, "--annotators", "loop"],
        ["audit", votes, "loop"],
        [
            "pairs",
            "loop",
            "--prompts",
            "loop",
            "--responses",
            "loop",
            "--to",
            "trl",
            "--out",
            "p.jsonl",
        ],
    ):
        said = refused(rlchf(*command))
        assert re.search(r"loop(/votes.csv)?: cannot be read: Too many levels of symbolic", said)
    assert "mem: cannot be read: Input/output error" in refused(
        rlchf("aggregate", "/proc/self/mem")
    )
    said = refused(rlchf("aggregate", votes, "--out", "loop/out.jsonl"))
    assert "loop/out.jsonl: there is no folder 'loop' to write to" in said
    for file in (ROOT / "rlchf").rglob("*.py"):
        assert ".resolve()" not in file.read_text(), f"{file}: use real_path"
