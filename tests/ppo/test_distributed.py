"""PPO on two processes must be PPO on one: the same samples, gradients and weights.

The file is also the program that `accelerate launch` starts on each process.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from rlchf.train.ppo import PPOConfig, ppo
from tests.support.ppo_runs import PROMPTS, ending_policy, lines, weights
from tests.support.processes import ROOT, run_module
from tests.support.tiny_models import tiny_gpt2, tiny_llama, tiny_tokenizer

pytestmark = pytest.mark.slow

CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "llama": (lambda: ending_policy(0.25), {}),  # responses of all lengths
    "lora-gpt2": (tiny_gpt2, {"lora_rank": 2, "forward_size": 4}),
    "groups": (
        tiny_llama,
        {
            "responses_per_prompt": 2,
            "advantages": "rloo",
            "normalise_reward": True,
            "kl_schedule": "adaptive",
            "kl_schedule_target": 0.01,
        },
    ),
}


def train(case: str, out: Path, updates: int, resume: bool = False) -> Any:
    """Double precision, so that the order of a sum is not blown up by Adam."""
    model, options = CASES[case]
    settings: dict[str, Any] = {
        "updates": updates, "batch_size": 8, "minibatch_size": 4, "forward_size": 1,
        "max_new_tokens": 6, "learning_rate": 3e-3, "checkpoint_every": 2, "evaluate_every": 2,
        "save_every": 2,
    }  # fmt: skip
    return ppo(
        model().double(), tiny_tokenizer(), PROMPTS,
        lambda prompts, responses: [float(len(r)) for r in responses],
        PPOConfig(**settings | options), out, resume=resume, held_out=["Lily", "a fox", "once"],
        measure=lambda prompts, responses: {"with_e": sum("e" in r for r in responses) / len(responses)},
    )  # fmt: skip


def test_two_processes_give_the_weights_of_one_also_after_resuming(tmp_path: Path) -> None:
    config = str(ROOT / "examples" / "accelerate" / "ddp.yaml")
    launcher = ("accelerate.commands.launch", "--config_file", config, "--main_process_port", "0")
    run_module("tests.ppo.test_distributed", tmp_path, (*launcher, "--module"))
    for case in CASES:
        one = weights(train(case, tmp_path / "one" / case, updates=3))
        two = torch.load(tmp_path / f"{case}-0.pt")
        assert torch.equal(two, torch.load(tmp_path / f"{case}-1.pt")), "the processes differ"
        assert (one - weights(CASES[case][0]().double())).abs().max() > 1e-3, "nothing was learnt"
        torch.testing.assert_close(two, one, atol=1e-8, rtol=0)
        rows, rows_of_two = (
            lines(tmp_path / name / case / "metrics.jsonl") for name in ("one", "two")
        )
        assert [row["update"] for row in rows_of_two] == [0, 1, 2, 3]
        assert [row["update"] for row in rows if "held_out_reward" in row] == [0, 2, 3]
        for row, other in zip(rows, rows_of_two, strict=True):
            assert other == pytest.approx(row, abs=2e-6)
        for name in ("best", "checkpoints/update-000002"):
            saved, other = (
                load_file(tmp_path / folder / case / name / "model.safetensors")
                for folder in ("one", "two")
            )
            assert saved.keys() == other.keys()
            for key, tensor in saved.items():
                torch.testing.assert_close(other[key], tensor, atol=1e-8, rtol=0)


def main(folder: Path) -> None:
    """Two updates, then a third one resumed from their checkpoint."""
    torch.set_num_threads(1)
    for case in CASES:
        out = folder / "two" / case
        train(case, out, updates=2)
        trained = train(case, out, updates=3, resume=True)
        torch.save(weights(trained), folder / f"{case}-{os.environ['RANK']}.pt")
    assert int(os.environ["WORLD_SIZE"]) == 2
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
