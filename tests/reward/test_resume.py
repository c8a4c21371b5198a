"""Stopping a reward model's training by a signal, and going on with it and with nothing else."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import numpy as np
from torch import Tensor

from rlchf.preferences import Example
from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.model import RewardModel
from rlchf.train.reward.trainer import train_reward
from tests.support.reward_examples import ragged_examples, tiny_backbone

DATA = ragged_examples(20)  # an epoch has five steps
SETTINGS: dict[str, Any] = {"epochs": 2, "batch_size": 4, "learning_rate": 5e-3}
GROUPS = {"ann": "old", "bob": "old", "eve": "new"}
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "steps": {"checkpoint_every": 2},
    "lora": {"lora_rank": 2, "gradient_accumulation": 2, "batch_size": 2},
    "groups": {"learn_from": "ballots", "group_dro_step": 0.5},
    "early stopping": {"early_stopping": 1, "epochs": 4},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    tiny_backbone(folder / "backbone")
    return folder


class Steps:
    """The steps of a training, which gets a signal at one of them."""

    def __init__(self, stop_at: int = 0, number: int = signal.SIGTERM) -> None:
        self.stop_at, self.number = stop_at, number
        self.done: list[int] = []

    def __call__(self, done: int, total: int, **facts: float) -> None:
        self.done.append(done)
        if done == self.stop_at:
            if not self.number:
                raise KeyboardInterrupt
            os.kill(os.getpid(), self.number)


def fit(
    folder: Path, name: str, steps: Steps, data: list[Example] = DATA, **settings: Any
) -> dict[str, Tensor]:
    options = {key: settings.pop(key) for key in ("resume", "backbone") if key in settings}
    backbone = folder / options.pop("backbone", "backbone")
    config = RewardConfig(**SETTINGS | settings)
    groups = GROUPS if config.group_dro_step else None
    held_out = [replace(one, ranks=one.ranks[::-1]) for one in DATA[:6]]
    train_reward(
        data, held_out, backbone, config, folder / name, groups=groups, progress=steps, **options
    )
    weights: dict[str, Tensor] = RewardModel.load(folder / name).model.state_dict()
    return weights


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").glob("checkpoint-*"))


@pytest.mark.parametrize(
    ("case", "stop_at"),
    [
        pytest.param(
            case, stop_at, marks=[] if (case, stop_at) == ("plain", 2) else pytest.mark.slow
        )
        for case in CASES
        for stop_at in (1, 2, 5, 7, 10)
    ],
)
def test_a_signal_keeps_every_step_and_the_training_goes_on_to_the_same_weights(
    case: str, stop_at: int, folder: Path, tmp_path: Path
) -> None:
    """Also in the first epoch, and at its end, where it is evaluated."""
    settings, steps = CASES[case], Steps()
    (tmp_path / "backbone").symlink_to(folder / "backbone")
    whole = fit(tmp_path, "whole", steps, **settings)
    stop_at = min(stop_at, len(steps.done))
    stopped = Steps(stop_at)
    ended_early = case == "early stopping" and stop_at == len(steps.done)
    if ended_early:
        resumed = fit(tmp_path, "stopped", stopped, **settings)
    else:
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path, "stopped", stopped, **settings)
        assert stopped.done == steps.done[:stop_at]
        assert f"checkpoint-{stop_at}" in left(tmp_path / "stopped")
        rest = Steps()
        resumed = fit(tmp_path, "stopped", rest, resume=True, **settings)
        assert rest.done == steps.done[stop_at:]
    assert resumed.keys() == whole.keys()
    assert all((resumed[name] == whole[name]).all() for name in whole)
    assert not left(tmp_path / "stopped")


@pytest.mark.parametrize("number", [signal.SIGINT, 0])
def test_ctrl_c_and_an_interrupted_progress_are_kept_as_sigterm_is(
    number: int, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "backbone").symlink_to(folder / "backbone")
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, "stopped", Steps(3, number))
    assert left(tmp_path / "stopped") == ["checkpoint-3"]
    assert signal.getsignal(signal.SIGINT) is before


def upside_down(example: Example) -> Example:
    return replace(example, ranks=[5 - rank for rank in example.ranks])


def other_ballots(example: Example) -> Example:
    assert example.ballots is not None
    ranks = np.where(example.ballots.ranks > 0, 1, 0)
    return replace(example, ballots=replace(example.ballots, ranks=ranks))


def test_a_training_goes_on_with_the_same_examples_settings_and_model_only(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "backbone").symlink_to(folder / "backbone")
    tiny_backbone(tmp_path / "other", seed=1)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, "stopped", Steps(3))
    origin = tmp_path / "stopped/checkpoints/checkpoint-3/origin.json"
    assert json.loads(origin.read_text())["settings"]["learning_rate"] == 5e-3

    def refused(data: list[Example] = DATA, **settings: Any) -> str:
        with pytest.raises(ValueError, match="begin anew in another folder") as error:
            fit(tmp_path, "stopped", Steps(), data, resume=True, **settings)
        assert left(tmp_path / "stopped") == ["checkpoint-3"]
        return str(error.value)

    message = refused(learning_rate=1e-5)
    assert "began with learning_rate=0.005 and cannot go on with learning_rate=1e-05" in message
    assert "began with loss='bradley_terry'" in refused(loss="plackett_luce")
    assert "began with seed=0" in refused(seed=3)
    assert "began with adam_beta2=0.999" in refused(adam_beta2=0.95)
    assert "began with lr_warmup=0.05" in refused(lr_warmup=2)
    for data in (
        [upside_down(DATA[0]), *DATA[1:]],
        [replace(DATA[0], prompt="other"), *DATA[1:]],
        [other_ballots(DATA[0]), *DATA[1:]],
        DATA[1:],
        DATA[::-1],
    ):
        assert "the examples (rankings, texts, or what the rule makes of them)" in refused(data)
    assert "the model is not the one" in refused(backbone="other")
    earlier = json.loads(origin.read_text())
    for name in ("lr_warmup", "adam_beta1", "adam_beta2", "adam_eps"):
        del earlier["settings"][name]  # as a version that did not know them left it
    origin.write_text(json.dumps(earlier))
    assert "began with adam_eps=1e-08" in refused(adam_eps=1e-6)
    origin.unlink()
    with pytest.warns(UserWarning, match="does not say what its training began with"):
        fit(tmp_path, "stopped", Steps(), resume=True)
