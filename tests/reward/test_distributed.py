"""The reward model on two processes must be the reward model on one."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file
from torch import Tensor

from rlchf.train.reward.config import RewardConfig
from rlchf.train.reward.model import RewardModel
from rlchf.train.reward.trainer import train_reward
from tests.support.processes import on_two_processes
from tests.support.reward_examples import ragged_examples, tiny_backbone

pytestmark = pytest.mark.slow

COMMON: dict[str, Any] = {"epochs": 2, "learning_rate": 1e-4}
GROUPS = {"ann": "old", "bob": "old", "eve": "new"}
CASES: dict[str, dict[str, Any]] = {
    "ranking": {"centring": 0.1, "early_stopping": 3},
    "worst-group": {"learn_from": "ballots", "group_dro_step": 0.5, "group_by_length": True},
    "shared": {"share_prompt": True},
    "heads": {"learn_from": "ballots", "ensemble": 2, "bootstrap": True, "lora_rank": 2},
}


def train(case: str, folder: Path, name: str, **settings: Any) -> tuple[Any, dict[str, Tensor]]:
    """Eleven prompts: their last batch is not full, whoever shares it."""
    data, config = ragged_examples(15), RewardConfig(**COMMON | CASES[case] | settings)
    groups = GROUPS if config.group_dro_step else None
    out = folder / name / case
    trained = train_reward(data[:11], data[11:], folder / "backbone", config, out, groups=groups)
    return trained.figures, RewardModel.load(out).model.state_dict()


def held_out_losses(out: Path) -> list[float | None]:
    """The held-out loss of each row of the log, None for a row without one."""
    rows = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    return [row.get("held_out_loss") for row in rows]


def test_two_processes_give_the_weights_of_one(tmp_path: Path) -> None:
    tiny_backbone(tmp_path / "backbone")
    on_two_processes(train_on_rank, tmp_path)
    for case in CASES:
        figures, one = train(case, tmp_path, "one", batch_size=4)
        two = RewardModel.load(tmp_path / "two" / case).model.state_dict()
        # Prompts that are padded on the left have their sums in another order in a wider batch.
        atol = 2e-6 if case == "shared" else 1e-6
        for key in one:
            torch.testing.assert_close(two[key], one[key], atol=atol, rtol=0, msg=f"{case} {key}")
        start = load_file(tmp_path / "backbone/model.safetensors")
        moved = [(one[key] - start[key]).abs().max() for key in start.keys() & one.keys()]
        assert max(moved) > 2e-4, "nothing was learnt"
        for rank in (0, 1):
            figures_of_two = json.loads((tmp_path / f"{case}-{rank}.json").read_text())
            assert figures_of_two == pytest.approx(figures, abs=1e-5)
        losses = [held_out_losses(tmp_path / name / case) for name in ("one", "two")]
        assert losses[1] == pytest.approx(losses[0], abs=1e-6)


def train_on_rank(folder: Path) -> None:
    """Half the batch on each of two processes."""
    for case in CASES:
        figures, _ = train(case, folder, "two", batch_size=2)
        (folder / f"{case}-{os.environ['RANK']}.json").write_text(json.dumps(figures))
    assert int(os.environ["WORLD_SIZE"]) == 2
    torch.distributed.destroy_process_group()
