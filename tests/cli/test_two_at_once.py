"""Two jobs in one folder, and a run that goes on with other inputs: the second is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlchf.jobs.began import FILE
from rlchf.jobs.locks import LOCK, at_work_in
from tests.support.cli import rlchf
from tests.support.emoji_runs import SETTINGS, small_emoji_run
from tests.support.ppo_jobs import arguments, job_folder

HOLD = """
import sys
from pathlib import Path
from contextlib import ExitStack
from rlchf.jobs.locks import at_work_in
with ExitStack() as stack:
    for folder in sys.argv[1:]:
        stack.enter_context(at_work_in(Path(folder)))
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from job_folder(tmp_path_factory.mktemp("two"))


def reward_arguments(data: Path) -> list[object]:
    """A reward model of the emoji example's first prompts."""
    files = ("--prompts", data / "prompts.jsonl", "--responses", data / "responses.jsonl")
    return ["reward", data / "rankings.csv", *files, "--model", "tiny", "--epochs", 1]


def test_a_second_job_in_a_folder_is_refused_until_the_first_is_killed(
    folder: Path, tmp_path: Path
) -> None:
    run_file = small_emoji_run(tmp_path, 4, SETTINGS.split("[ppo]")[0])
    jobs: list[list[object]] = [
        [*arguments("--reward", "tastes:vowels", "--updates", 1), "--out", tmp_path / "policy"],
        [*reward_arguments(tmp_path), "--out", tmp_path / "reward"],
        ["run", run_file, "--out", tmp_path / "run"],
    ]
    held = [tmp_path / name for name in ("policy", "reward.partial", "run")]
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, *map(str, held)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert first.stdout is not None
    assert first.stdout.readline() == b"held\n"
    for job, out in zip(jobs, held, strict=True):
        done = rlchf(*job)
        assert f"another process is at work in {out}; wait until it ends" in done.stderr
        assert (done.returncode, [path.name for path in out.iterdir()]) == (2, [LOCK])
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert all((out / LOCK).exists() for out in held)
    for job in jobs:
        done = rlchf(*job)
        assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob(LOCK)) == []


def test_a_job_within_a_job_may_work_in_its_folder(tmp_path: Path) -> None:
    with at_work_in(tmp_path / "run"):
        with at_work_in(tmp_path / "run"):
            pass
        assert (tmp_path / "run" / LOCK).exists()
    assert not (tmp_path / "run" / LOCK).exists()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without PPO, its data beside it."""
    folder = tmp_path_factory.mktemp("finished")
    run_file = small_emoji_run(folder, 4, SETTINGS.split("[ppo]")[0])
    done = rlchf("run", run_file, "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def reversed_ballots(folder: Path) -> None:
    head, *rows = (folder / "rankings.csv").read_text().splitlines()
    other = {"1": "2", "2": "1"}
    swapped = [row[:-1] + other.get(row[-1], row[-1]) for row in rows]
    (folder / "rankings.csv").write_text("\n".join([head, *swapped]) + "\n")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (reversed_ballots, "rankings.csv: the rankings are not those"),
        (
            replaced("prompts.jsonl", '"prompt": "', '"prompt": "Now: '),
            "prompts.jsonl: the prompts are not",
        ),
        (
            replaced("responses.jsonl", '"text": "', '"text": "Yes. '),
            "responses.jsonl: the responses are not",
        ),
        (replaced("run/config.toml", "perpetual_pav", "perpetual_quota"), "[rule] name"),
        (replaced("run/config.toml", "held_out = 0.25", "held_out = 0.5"), "[reward] held_out"),
        (replaced("run/config.toml", "seed = 3", "seed = 4"), "seed = 3"),
        (replaced(f"run/{FILE}", '"settings"', '"other"'), "does not say what the run began with"),
    ],
)
def test_a_run_does_not_go_on_with_other_inputs_or_settings(
    change: Callable[[Path], None], problem: str, finished: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "copy"))
    config = folder / "run" / "config.toml"
    config.write_text(config.read_text().replace(str(finished), str(folder)))
    change(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = rlchf("run", "--resume", folder / "run")
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.returncode == 2
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_run_goes_on_where_its_data_and_its_folder_have_moved(
    finished: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "copy"))
    config = folder / "run" / "config.toml"
    config.write_text(config.read_text().replace(str(finished), str(folder)))
    os.utime(folder / "rankings.csv")
    done = rlchf("run", "--resume", folder / "run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rule"] == "perpetual_pav"
