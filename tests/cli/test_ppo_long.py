"""The command `rlchf ppo` on long runs: held-out prompts, policies on the way, the best one."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM

from rlchf.jobs.ppo import read_and_hold_out
from tests.support.cli import rlchf
from tests.support.ppo_jobs import arguments, job_folder, tune, write
from tests.support.ppo_runs import PROMPTS, lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the small models, prompts and functions are, and the tests too."""
    yield from job_folder(tmp_path_factory.mktemp("long"))


@pytest.fixture(scope="module")
def others(folder: Path) -> str:
    rows = [{"prompt_id": f"q{n}", "prompt": text} for n, text in enumerate(["Lily", "a fox"])]
    write(folder / "others.jsonl", rows)
    return "others.jsonl"


def test_a_long_run_prints_and_leaves_its_evaluations(
    folder: Path, others: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    more = ("--reward", "tastes:vowels", "--label", "short=tastes:short", "--plot", "--out", out)
    long = ("--held-out", others, "--evaluate-every", 2, "--save-every", 1, "--save-last", 2)
    done = rlchf(*arguments(*more, *long))
    assert done.returncode == 0, done.stderr
    table = done.stdout.split("held-out prompts", 1)[1]
    ends = "best, update 2 +last, update 3|best and last, update 3"
    assert re.match(rf" +first, update 0 +({ends}) *\n", table)
    assert [line.strip().split("  ")[0] for line in table.splitlines()[1:5]] == [
        "reward", "KL, nats per response", "tokens", "share that ended",
    ]  # fmt: skip
    rows = lines(out / "metrics.jsonl")
    assert [row["update"] for row in rows] == [0, 1, 2, 3]
    assert [row["update"] for row in rows if "held_out_short" in row] == [0, 2, 3]
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == [
        "update-000002",
        "update-000003",
    ]
    AutoModelForCausalLM.from_pretrained(out / "best")
    assert (out / "metrics.png").exists()


def test_one_update_has_one_column_in_each_table(folder: Path, others: str, tmp_path: Path) -> None:
    given = ("--reward", "tastes:vowels", "--updates", 1, "--held-out", others)
    done = rlchf(*arguments(*given, "--out", tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    heads = [line.split() for line in done.stdout.splitlines() if "update" in line]
    assert heads[0] == ["update", "1"]
    assert heads[1][-6:] == ["0", "best", "and", "last,", "update", "1"]


def test_a_fraction_of_the_prompts_is_held_out_and_not_trained_on(
    folder: Path, tmp_path: Path
) -> None:
    train, held_out = read_and_hold_out("prompts.jsonl", "0.4", seed=3)
    assert (len(train), len(held_out)) == (3, 2)
    assert sorted([*train.values(), *held_out.values()], key=str) == sorted(PROMPTS, key=str)
    assert list(train) == sorted(train)
    draws = {tuple(read_and_hold_out("prompts.jsonl", "0.4", seed)[1]) for seed in range(20)}
    assert len(draws) > 3
    out = tmp_path / "out"
    tune(out, held_out="0.4", seed=3, updates=2, samples_every=1, batch_size=8)
    assert {row["prompt"] for row in lines(out / "samples.jsonl")} <= set(train.values())
    assert json.loads((out / "job.json").read_text())["held_out"] == "0.4"
    with pytest.raises(ValueError, match=r"was run with held_out '0\.4' and cannot go on with ''"):
        tune(out, seed=3, resume=True)


@pytest.mark.parametrize(
    ("held_out", "problem"),
    [
        ("0", "holds out 0 of the 5 prompts"),
        ("1", "holds out 5 of the 5 prompts"),
        ("0.05", "holds out 0 of the 5 prompts"),
        ("-1", "holds out 0 of the 5 prompts; give a file of prompts, or a fraction"),
        ("nan", "held_out is nan"),
        ("nowhere.jsonl", "nowhere.jsonl"),
        ("prompts.jsonl", "5 of 5 held-out prompts are in prompts.jsonl, too, for instance 'p0'"),
    ],
)
def test_what_cannot_be_held_out_is_refused(
    folder: Path, tmp_path: Path, held_out: str, problem: str
) -> None:
    out: Any = tmp_path / "out"
    with pytest.raises((ValueError, FileNotFoundError), match=problem):
        tune(out, held_out=held_out)
    assert not out.exists()
