"""Trainings that were stopped and whose files were damaged meanwhile: one sentence that names the file."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.support.cli import rlchf
from tests.support.ppo_jobs import arguments, job_folder

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from job_folder(tmp_path_factory.mktemp("damaged"))


@pytest.fixture(scope="module")
def stopped(folder: Path) -> Path:
    """A PPO run that may go on for another update."""
    done = rlchf(*arguments("--reward", "tastes:vowels", "--updates", 1, "--out", folder / "run"))
    assert done.returncode == 0, done.stderr
    return folder / "run"


def write(name: str, content: str) -> Damage:
    return lambda run: (run / name).write_text(content)


def cut(name: str) -> Damage:
    return lambda run: (run / name).write_bytes((run / name).read_bytes()[:100])


def state(**values: object) -> Damage:
    def change(run: Path) -> None:
        path = run / "checkpoint" / "state.pt"
        torch.save(torch.load(path, weights_only=True) | values, path)

    return change


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (write("job.json", "[]"), "job.json holds '[]', and must hold a JSON object"),
        (write("job.json", "{"), "job.json is not JSON"),
        (write("job.json", '{"policy": 3}'), "job.json: policy is 3"),
        (write("ppo_config.json", "null"), "ppo_config.json holds 'null'"),
        (write("ppo_config.json", '{"updates": "x"}'), "ppo_config.json: updates is 'x'"),
        (write("metrics.jsonl", '{"loss": 1}\n'), "metrics.jsonl"),
        (write("metrics.jsonl", "{\n{}\n"), "metrics.jsonl"),
        (write("metrics.jsonl", "[1]\n"), "metrics.jsonl"),
        (write("samples.jsonl", "nothing\n"), "samples.jsonl is damaged"),
        (cut("checkpoint/state.pt"), "state.pt is damaged"),
        (write("checkpoint/state.pt", ""), "state.pt is damaged"),
        (state(done="x"), "state.pt is damaged (TypeError: done is of type str); begin anew"),
        (state(weights={"policy.lm_head.weight": torch.zeros(2, 2)}), "state.pt is damaged"),
        (state(optimizer={}), "state.pt is damaged"),
        (state(carried=[{}]), "state.pt is damaged"),
    ],
)
def test_a_damaged_run_of_ppo_is_refused_and_left_as_it_is(
    damage: Damage, problem: str, stopped: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(stopped, tmp_path / "run"))
    damage(run)
    before = (run / "checkpoint" / "state.pt").read_bytes()
    done = rlchf("ppo", "--resume", run, "--updates", 2)
    assert problem in done.stderr
    assert done.returncode == 2
    assert (run / "checkpoint" / "state.pt").read_bytes() == before


def reward_arguments(folder: Path) -> list[object]:
    rows = ["prompt_id,annotator_id,response_id,rank"]
    prompts, responses = [], []
    for p in range(8):
        prompts.append(json.dumps({"prompt_id": f"p{p}", "prompt": "the fox " * (p % 3 + 1)}))
        for rank, text in enumerate(("the quick fox", "a lazy dog"), 1):
            responses.append(
                json.dumps({"prompt_id": f"p{p}", "response_id": f"r{rank}", "text": text})
            )
            rows.append(f"p{p},ann,r{rank},{rank}")
    for name, made in (("k.csv", rows), ("p.jsonl", prompts), ("r.jsonl", responses)):
        (folder / name).write_text("\n".join(made) + "\n")
    files = ("--prompts", folder / "p.jsonl", "--responses", folder / "r.jsonl")
    return ["reward", folder / "k.csv", *files, "--model", "tiny", "--epochs", 3]


@pytest.fixture(scope="module")
def partial(folder: Path) -> Path:
    """A training of a reward model that was stopped, with a checkpoint."""
    out = folder / "reward-out"
    from rlchf.train.reward import trainer

    def stop(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "gathered_model", stop)  # after the last checkpoint
        done = rlchf(*reward_arguments(folder), "--out", out)
    assert done.returncode == 130, done.stderr
    return out.with_name("reward-out.partial")


def checkpoint_file(name: str, content: str) -> Damage:
    return lambda run: next(run.glob(f"checkpoints/*/{name}")).write_text(content)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (write("job.json", "[]"), "job.json holds '[]'"),
        (write("reward_config.json", '{"epochs": -1}'), "reward_config.json: epochs is -1"),
        (checkpoint_file("model.safetensors", "x"), "model.safetensors is damaged"),
        (checkpoint_file("optimizer.pt", ""), "optimizer.pt is damaged"),
        (checkpoint_file("origin.json", "[]"), "origin.json holds '[]'"),
        (checkpoint_file("origin.json", "{}"), "origin.json states no settings"),
    ],
)
def test_a_damaged_training_of_a_reward_model_is_refused(
    damage: Damage, problem: str, partial: Path, tmp_path: Path
) -> None:
    shutil.copytree(partial, tmp_path / "out.partial")
    damage(tmp_path / "out.partial")
    done = rlchf("reward", "--resume", tmp_path / "out")
    assert re.sub(r"^reward model on.*\n", "", done.stderr).count("\n") == 1
    assert problem in done.stderr
    assert done.returncode == 2
    assert not (tmp_path / "out").exists()


def test_it_goes_on_where_nothing_is_damaged(partial: Path, tmp_path: Path) -> None:
    shutil.copytree(partial, tmp_path / "out.partial")
    done = rlchf("reward", "--resume", tmp_path / "out")
    assert done.returncode == 0, done.stderr
