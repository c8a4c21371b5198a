"""The memory that `rlchf ppo --plan` predicts, against the memory that runs take.

    python benchmarks/ppo/memory_plan.py --out runs/memory_plan.json

Three small models of random weights are fine-tuned for two updates, each in a process of its own on the
CPU, in several settings. Measured is the peak of the process's resident memory minus what it has before the
model is made. The C library is told to return every tensor's memory at once (`MALLOC_MMAP_THRESHOLD_`), so
that what is freed is not counted. The plan is made from the model's config alone.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from rich.console import Console
from rich.table import Table

from rlchf.io.json import write_json
from rlchf.train.ppo.config import PPOConfig

MIB = 2**20
PROMPT = 24
"""Tokens of a prompt."""


@dataclass(frozen=True)
class Case:
    """A model and the settings of a run."""

    kind: str
    settings: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"


BASE = {
    "updates": 2, "batch_size": 16, "minibatch_size": 16, "forward_size": 8, "max_new_tokens": 40,
    "checkpoint_every": 1000, "samples_every": 1000,
}  # fmt: skip
CASES = {
    "llama": Case("llama"),
    "llama, LoRA": Case("llama", {"lora_rank": 8}),
    "gpt2": Case("gpt2"),
    "gpt2, forward_size 16": Case("gpt2", {"forward_size": 16}),
    "qwen2, large vocabulary": Case("qwen2", {"forward_size": 4}),
    "qwen2, LoRA, entropy": Case("qwen2", {"lora_rank": 8, "entropy_coef": 0.01}),
    "llama, LoRA, bfloat16": Case("llama", {"lora_rank": 8}, "bfloat16"),
    "llama, checkpointing": Case("llama", {"gradient_checkpointing": True, "forward_size": 16}),
}


def config_of(kind: str) -> Any:
    """The config of one of the small models."""
    from transformers import GPT2Config, LlamaConfig, Qwen2Config

    ends = {"bos_token_id": None, "eos_token_id": 0, "pad_token_id": 1}
    if kind == "llama":
        return LlamaConfig(
            vocab_size=4000, hidden_size=512, intermediate_size=1408, num_hidden_layers=8,
            num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=256, **ends,
        )  # fmt: skip
    if kind == "gpt2":
        return GPT2Config(
            vocab_size=6000, n_embd=384, n_layer=10, n_head=6, n_positions=256, **ends
        )
    return Qwen2Config(
        vocab_size=60000, hidden_size=128, intermediate_size=512, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        tie_word_embeddings=True, **ends,
    )  # fmt: skip


def planned(case: Case) -> int:
    """Bytes of the plan."""
    from rlchf.train.memory.models import precision
    from rlchf.train.memory.ppo import plan_ppo

    config = PPOConfig(**BASE | case.settings)
    dtype = precision(case.dtype)
    return plan_ppo(config, config_of(case.kind), PROMPT, dtype=dtype, on_gpu=False).peak


def measured(case: Case) -> int:
    """Bytes that a run takes, in this process."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    from tests.support.tiny_models import tiny_llama, tiny_tokenizer

    tokenizer = tiny_tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        small = BASE | {"updates": 1, "batch_size": 2, "minibatch_size": 2, "max_new_tokens": 2}
        _run(tiny_llama(), tokenizer, small, folder + "/first")  # loads what is loaded at first use
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before = _memory("VmRSS")
        model = AutoModelForCausalLM.from_config(
            config_of(case.kind), dtype=getattr(torch, case.dtype)
        )
        _run(model, tokenizer, BASE | case.settings, folder + "/second")
    return _memory("VmHWM") - before


def _run(model: Any, tokenizer: Any, settings: dict[str, Any], folder: str) -> None:
    from rlchf.train.ppo import ppo
    from rlchf.train.ppo.responses import Rollout
    from rlchf.train.ppo.sampling import sample

    def never_ending(*args: Any, **options: Any) -> Rollout:
        """Responses of full length, as the plan takes them to be."""
        rollout = sample(*args, **options | {"ends": [settings["max_new_tokens"] + 10**6]})
        return rollout

    prompt = tokenizer.decode([5] * (PROMPT if settings["max_new_tokens"] > 2 else 2))
    ppo(
        model, tokenizer, [prompt], lambda _, texts: [float(n % 3) for n in range(len(texts))],
        PPOConfig(**settings), folder, sampler=never_ending,
    )  # fmt: skip


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def measure_apart(name: str) -> int:
    """The measurement of a case in a process of its own."""
    root = Path(__file__).parents[2]
    environment = os.environ | {
        "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536",
        "PYTHONPATH": f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }  # fmt: skip
    command = [sys.executable, __file__, "--worker", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip()[-2000:]}")
    return int(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Plan and measure every case, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--worker", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(measured(CASES[arguments.worker]))
        return
    rows = []
    table = Table("run", "plan, MiB", "measured, MiB", "plan / measured", box=None)
    known = {one.name for one in fields(PPOConfig)}
    for name in arguments.case or CASES:
        if not CASES[name].settings.keys() <= known:
            continue
        plan, found = planned(CASES[name]), measure_apart(name)
        rows.append({"name": name, "plan": plan, "measured": found, **asdict(CASES[name])})
        table.add_row(name, f"{plan / MIB:.0f}", f"{found / MIB:.0f}", f"{plan / found:.2f}")
    Console().print(table)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(arguments.out, rows)


if __name__ == "__main__":
    main()
