"""The memory of PPO on Llama 3.1 8B by `rlchf ppo --plan`, one setting after the other.

    python benchmarks/ppo/large_models.py

The policy and the reward model have that model's shape; 64 responses an update, 512 tokens each to prompts of
512. Nothing is loaded or computed. It takes about two minutes.
"""

import json
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from transformers import LlamaConfig

from rlchf.train.memory.ppo import RewardShape, plan_ppo
from rlchf.train.ppo.config import PPOConfig

TOKENS = 512
SHAPE = json.loads((Path(__file__).parents[2] / "tests/data/llama-3.1-8b.json").read_text())
STEPS: dict[str, dict[str, Any]] = {
    "--lora-rank 0, float32, --forward-size 16": {},
    "--lora-rank 16": {"lora_rank": 16},
    "and --dtype bfloat16": {"dtype": torch.bfloat16},
    "and --gradient-checkpointing": {"gradient_checkpointing": True},
    "and --forward-size 4 --sample-size 16 --reward-batch-size 4": {
        "forward_size": 4, "sample_size": 16, "texts": 4,
    },
    "and --load-in-4bit --sample-size 8": {"four_bits": True, "sample_size": 8},
}  # fmt: skip


def main() -> None:
    """Print a table in GB."""
    settings: dict[str, Any] = {"batch_size": 64, "max_new_tokens": TOKENS, "forward_size": 16}
    how: dict[str, Any] = {"dtype": torch.float32, "four_bits": False, "texts": 32}
    table = Table("settings", "held", "peak", "in", "scoring, per text", box=None)
    for name, changes in STEPS.items():
        for key, value in changes.items():
            (how if key in how else settings)[key] = value
        scorer = LlamaConfig(**SHAPE | {"num_labels": 1, "pad_token_id": 0})
        shape = RewardShape(scorer, torch.bfloat16, 2 * TOKENS, how["texts"])
        plan = plan_ppo(
            PPOConfig(**settings), LlamaConfig(**SHAPE), TOKENS, dtype=how["dtype"],
            four_bits=how["four_bits"], rewards={"reward": shape},
        )  # fmt: skip
        of_text = plan.phases["scoring"].total / how["texts"]
        figures = (f"{number / 1e9:.2f}" for number in (plan.held_bytes, plan.peak))
        table.add_row(name, *figures, plan.peak_phase, f"{of_text / 1e9:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
