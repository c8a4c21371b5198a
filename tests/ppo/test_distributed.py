"""PPO on two processes must be PPO on one: the same samples, gradients and weights.

The file is also the program that `accelerate launch` starts on each process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from rlchf.train.ppo import PPOConfig, ppo
from tests.support.ppo_runs import ending_policy
from tests.support.tiny_models import tiny_gpt2, tiny_llama, tiny_tokenizer

PROMPTS = ["the", "a committee votes on", "once upon a time there was", "fox", "what should the"]
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
        "max_new_tokens": 6, "learning_rate": 3e-3, "checkpoint_every": 2,
    }  # fmt: skip
    return ppo(
        model().double(), tiny_tokenizer(), PROMPTS,
        lambda prompts, responses: [float(len(r)) for r in responses],
        PPOConfig(**settings | options), out, resume=resume,
        measure=lambda prompts, responses: {"with_e": sum("e" in r for r in responses) / len(responses)},
    )  # fmt: skip


def weights(model: Any) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def metrics(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_give_the_weights_of_one_also_after_resuming(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    config = root / "examples" / "accelerate" / "ddp.yaml"
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
    command += ["--main_process_port", "0", "--module", "tests.ppo.test_distributed"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for case in CASES:
        one = weights(train(case, tmp_path / "one" / case, updates=3))
        two = torch.load(tmp_path / f"{case}-0.pt")
        assert torch.equal(two, torch.load(tmp_path / f"{case}-1.pt")), "the processes differ"
        assert (one - weights(CASES[case][0]().double())).abs().max() > 1e-3, "nothing was learnt"
        torch.testing.assert_close(two, one, atol=1e-8, rtol=0)
        ours, theirs = metrics(tmp_path / "one" / case), metrics(tmp_path / "two" / case)
        assert [row["update"] for row in theirs] == [1, 2, 3]
        for row, other in zip(ours, theirs, strict=True):
            for name in row.keys() - {"seconds"}:
                assert other[name] == pytest.approx(row[name], abs=2e-6), name


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
