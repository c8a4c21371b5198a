"""Metrics and samples of a run in TensorBoard and in Weights & Biases."""

import json
from pathlib import Path
from typing import Any

import pytest
from accelerate import Accelerator
from accelerate.tracking import GeneralTracker

from rlchf.train.ppo import PPOConfig, ppo
from tests.support.ppo_runs import PROMPTS, SMALL, lines, vowels
from tests.support.tiny_models import tiny_llama, tiny_tokenizer


def run(out: Path, **options: Any) -> None:
    more = {name: options.pop(name) for name in ("accelerator", "resume") if name in options}
    config = PPOConfig(**SMALL | {"evaluate_every": 2} | options)
    args = (tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, config, out)
    ppo(*args, held_out=["Lily"], **more)


class Recorder(GeneralTracker):  # type: ignore[misc]
    """A tracker that takes what W&B's does."""

    name = "wandb"
    requires_logging_directory = False

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.tables: list[tuple[str, list[str], list[list[str]], int]] = []

    @property
    def tracker(self) -> Any:
        return self

    def log(self, values: dict[str, float], step: int, **_: Any) -> None:
        self.rows.append((step, values))

    def log_table(self, name: str, columns: Any = None, data: Any = None, step: int = 0) -> None:
        self.tables.append((name, columns, data, step))


def test_a_tracker_of_tables_gets_every_figure_and_the_samples(tmp_path: Path) -> None:
    tracker = Recorder()
    accelerator = Accelerator(log_with=tracker)
    accelerator.init_trackers("ppo")
    run(tmp_path, accelerator=accelerator)
    logged = [{"update": step, **values} for step, values in tracker.rows]
    written = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert logged == written
    assert [row["update"] for row in logged if "held_out_reward" in row] == [0, 2, 3]
    samples = lines(tmp_path / "samples.jsonl")
    data = [row for _, _, rows, _ in tracker.tables for row in rows]
    assert data == [[str(value) for value in row.values()] for row in samples]
    assert [(name, columns, step) for name, columns, _, step in tracker.tables] == [
        ("samples", list(samples[0]), 1),
        ("samples", list(samples[0]), 2),
    ]


def test_samples_go_to_tensorboard(tmp_path: Path) -> None:
    module = "tensorboard.backend.event_processing.event_accumulator"
    accumulator = pytest.importorskip(module).EventAccumulator
    run(tmp_path, report_to="tensorboard")
    events = accumulator(str(tmp_path / "ppo"))
    events.Reload()
    shown = events.Tensors("samples/text_summary")
    assert [event.step for event in shown] == [1, 2]
    text = shown[0].tensor_proto.string_val[0].decode()
    for row in lines(tmp_path / "samples.jsonl")[:4]:
        assert f"    {row['prompt']}\n    →" in text
    assert "held_out_reward" in events.Tags()["scalars"]


def test_a_resumed_run_goes_on_in_the_same_run_of_wandb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    out = tmp_path / "out"
    run(out, report_to="wandb,tensorboard", updates=2)
    number = (out / "wandb" / "run_id").read_text()
    (first,) = (out / "wandb").glob(f"offline-run-*-{number}")
    tables = sorted(first.glob("files/media/table/samples_*.table.json"))
    assert len(tables) == 2
    by_step = {int(path.name.split("_")[1]): json.loads(path.read_text()) for path in tables}
    samples = lines(out / "samples.jsonl")
    for step, table in by_step.items():
        expected = [
            [str(value) for value in row.values()] for row in samples if row["update"] == step
        ]
        assert table["data"] == expected
    run(out, report_to="wandb,tensorboard", updates=3, resume=True)
    assert (out / "wandb" / "run_id").read_text() == number
    run(out, report_to="wandb", updates=2)
    assert (out / "wandb" / "run_id").read_text() != number, "a run that begins anew"
