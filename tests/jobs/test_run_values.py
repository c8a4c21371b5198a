"""Values of run files that cannot be: each is refused before anything is written."""

import copy
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from rlchf.jobs import run
from rlchf.settings import LARGEST_COUNT, LARGEST_SEED
from tests.support.cli import refused, rlchf

NAN, INF = float("nan"), float("inf")
BASE: dict[str, Any] = {
    "data": {"rankings": "k.csv", "prompts": "p.jsonl", "responses": "r.jsonl"},
    "model": {"name": "tiny"},
    "rule": {"name": "borda"},
    "reward": {},
    "ppo": {},
    "label": {"name": "short", "test": "told:short"},
}
FUNCTIONS = """
def short(text):
    return len(text) < 8

def raises(text):
    raise KeyError(text)

def stops(text):
    raise SystemExit(0)

def two(text, other):
    return True

number = 3
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("values")
    (folder / "k.csv").write_text("prompt_id,annotator_id,ranking\np,ann,a > b\nq,ann,b > a\n")
    names = [("p", "a"), ("p", "b"), ("q", "a"), ("q", "b")]
    rows = [{"prompt_id": p, "response_id": r, "text": f"text {r}"} for p, r in names]
    (folder / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "p.jsonl").write_text(
        "".join(json.dumps({"prompt_id": p, "prompt": "Hi"}) + "\n" for p in "pq")
    )
    (folder / "told.py").write_text(FUNCTIONS)
    (folder / "wrong.py").write_text("def f(:\n")
    (folder / "failing.py").write_text("raise RuntimeError('no server')\n")
    (folder / "leaving.py").write_text("import sys\nsys.exit(0)\n")
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def refusal(folder: Path, key: str, value: object) -> str:
    """What is said of the run file with one value, which `section.name` names, changed."""
    settings = copy.deepcopy(BASE)
    section, _, name = key.rpartition(".")
    (settings.setdefault(section, {}) if section else settings)[name] = value
    (folder / "run.toml").write_text(tomli_w.dumps(settings))
    with pytest.raises(ValueError, match=r".") as raised:
        run.start(folder / "run.toml", out=folder / "out")
    assert not (folder / "out").exists()
    return str(raised.value)


NUMBERS: dict[str, list[object]] = {
    "seed": [-1, 2**32, 2**70, "x", 1.5, True],
    "reward.seed": [-1, 2**40], "ppo.seed": [-1, 2**40], "rule.seed": [-1, 2**40, "x"],
    "reward.learning_rate": [-1.0, 0.0, NAN, INF, 1e300, "x"],
    "ppo.learning_rate": [-1.0, NAN, INF, 1e300, "x"],
    "model.learning_rate": [-1.0, 0.0, NAN, INF, 1e300],
    "model.epochs": [-1, 1.5], "reward.epochs": [-1, 0, NAN, INF, 1e300],
    "model.batch_size": [0, -1, 2**70], "reward.batch_size": [0, 2**70], "ppo.batch_size": [0, 10**10],
    "ppo.max_new_tokens": [0, -1, 2**70, "x"], "ppo.temperature": [0, -1, NAN, INF, 1e300],
    "ppo.updates": [0], "ppo.kl_coef": [-1, NAN, INF], "ppo.max_kl": [NAN, -1],
    "reward.max_length": [0, 2**70], "reward.held_out": [-0.1, 1.0, NAN], "reward.ensemble": [0, 10**9],
    "reward.adam_beta1": [1.0, NAN], "reward.lora_rank": [-1, 2**70], "ppo.lora_rank": [-1, 10**6],
    "rule.threads": ["x", -1, 2**70], "label.texts": [0, 2**70],
}  # fmt: skip


@pytest.mark.parametrize("key", NUMBERS)
def test_numbers_out_of_range_are_refused_by_name(key: str, folder: Path) -> None:
    for value in NUMBERS[key]:
        name = key.rpartition(".")[2]
        assert re.search(rf"\b{name} is .*; it must be ", refusal(folder, key, value)), value


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("reward.report_to", "no_such", "no_such"),
        ("ppo.report_to", 3, "report_to is 3"),
        ("ppo.sampler", "x", "sampler is 'x'"),
        ("model.dtype", "float99", "dtype is 'float99'"),
        ("model.name", 3, "name is 3"),
        ("model.name", "no_such", "unknown model 'no_such'"),
        ("rule.name", "no_such", "unknown rule 'no_such'"),
        ("rule.name", "failing:f", "failing cannot be imported: RuntimeError: no server"),
        ("label.test", "nothing", "write module:function"),
        ("label.test", ".:x", "write module:function"),
        ("label.test", "a..b:x", "names no function"),
        ("label.test", "told:no_such", "names no function"),
        ("label.test", "told:number", "an int; name a function"),
        ("label.test", "wrong:f", "wrong cannot be imported: SyntaxError"),
        ("label.test", "failing:f", "failing cannot be imported: RuntimeError: no server"),
        ("label.test", "leaving:f", "leaving cannot be imported: SystemExit"),
        ("label.test", "told:raises", "[label] test, told:raises, raised KeyError"),
        ("label.test", "told:stops", "[label] test, told:stops, raised SystemExit"),
        ("label.test", "told:two", "[label] test, told:two, raised TypeError"),
        ("data.rankings", [], "ranking file is empty"),
        ("reward.no_such", 1, "there is no setting 'no_such'"),
        ("no_such.x", 1, "there is no setting 'no_such'"),
    ],
)
def test_names_that_are_none_are_refused(
    key: str, value: object, problem: str, folder: Path
) -> None:
    assert problem in refusal(folder, key, value)


@pytest.mark.parametrize(
    "arguments",
    [
        ("reward", "k.csv", "--prompts", "p.jsonl", "--responses", "r.jsonl", "--model", "tiny"),
        ("ppo", "--policy", "tiny", "--prompts", "p.jsonl", "--reward", "told:short"),
        ("sample", "--policy", "tiny", "--prompts", "p.jsonl"),
        ("aggregate", "k.csv"),
    ],
)
def test_seeds_beyond_the_generators_are_refused_on_the_command_line(
    arguments: tuple[str, ...], folder: Path
) -> None:
    for seed in (-1, LARGEST_SEED + 1, 10**20):
        done = rlchf(*arguments, "--seed", seed, "--out", folder / "out.jsonl")
        assert "it must be" in refused(done), seed
    assert sorted(folder.glob("out*")) == []


def test_counts_are_less_than_two_to_the_31_unless_a_setting_says_otherwise(folder: Path) -> None:
    problem = refusal(folder, "ppo.checkpoint_every", LARGEST_COUNT + 1)
    assert f"checkpoint_every is {LARGEST_COUNT + 1}; it must be {LARGEST_COUNT} at most" in problem
