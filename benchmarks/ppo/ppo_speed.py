"""Speed of the PPO loop and of TRL's PPOTrainer, which TRL dropped after version 1.12.0.

    pip install trl==1.12.0 'datasets>=4.0'
    python benchmarks/ppo/ppo_speed.py --out runs/ppo_speed.json

Both fine-tune the same Llama of two layers, made from nothing, with the same reward model: 16 prompts of
16 tokens an update, 32 new tokens each, 4 passes, float32, one thread, with the defaults of each
otherwise. Each run is a process of its own, and its updates are timed from the second one on. TRL
calls the garbage collector twice an update; "trl, no gc" is TRL with these calls stubbed.
"""

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from rich.console import Console
from rich.table import Table

from rlchf.io.json import write_json

BATCH, PROMPT, NEW, PASSES = 16, 16, 32, 4
WORDS = [f"{a}{b}" for a in "bdfgklmnprst" for b in "aeiou"]
LOOPS = ("rlchf", "trl", "trl, no gc")


def models(folder: Path) -> tuple[Any, Any, Any]:
    """A policy, its tokenizer, and the folder of a reward model on the same backbone."""
    from transformers import AutoModelForSequenceClassification

    from rlchf.train.models.tiny import tiny_llama

    policy, tokenizer = tiny_llama([" ".join(WORDS)] * 4, vocab_size=600, hidden_size=64)
    tokenizer.chat_template = None
    for part in (policy, tokenizer):
        part.save_pretrained(folder)
    scorer = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=1, pad_token_id=tokenizer.pad_token_id
    )
    return policy, tokenizer, scorer


def prompts(tokenizer: Any, count: int) -> list[str]:
    """Prompts of exactly `PROMPT` tokens."""
    import numpy as np

    rng = np.random.default_rng(0)
    made: list[str] = []
    while len(made) < count:
        ids = tokenizer(" ".join(rng.choice(WORDS, 40)))["input_ids"][:PROMPT]
        made.append(tokenizer.decode(ids))
    return made


def ours(updates: int, folder: Path) -> list[float]:
    """CPU seconds at the end of each update."""
    from rlchf.train.ppo import PPOConfig, ppo
    from rlchf.train.reward import RewardModel

    policy, tokenizer, scorer = models(folder / "base")
    config = PPOConfig(
        updates=updates, batch_size=BATCH, minibatch_size=BATCH, forward_size=BATCH,
        ppo_epochs=PASSES, max_new_tokens=NEW, checkpoint_every=10**6, samples_every=10**6,
    )  # fmt: skip
    ends: list[float] = []
    ppo(
        policy, tokenizer, prompts(tokenizer, 256), RewardModel(scorer, tokenizer, 128), config,
        folder / "out", progress=lambda *_, **__: ends.append(time.process_time()),
    )  # fmt: skip
    return ends


def theirs(updates: int, folder: Path, collect: bool) -> list[float]:
    """The same for TRL."""
    import datasets
    from transformers import AutoModelForSequenceClassification, TrainerCallback
    from trl.experimental.ppo import PPOConfig, PPOTrainer

    datasets.disable_progress_bars()
    if not collect:
        gc.collect = lambda *_: 0
    policy, tokenizer, scorer = models(folder / "base")
    critic = AutoModelForSequenceClassification.from_pretrained(
        folder / "base", num_labels=1, pad_token_id=tokenizer.pad_token_id
    )
    config = PPOConfig(
        output_dir=str(folder / "out"), total_episodes=BATCH * updates, use_cpu=True, bf16=False,
        per_device_train_batch_size=BATCH, gradient_accumulation_steps=1, num_mini_batches=1,
        num_ppo_epochs=PASSES, response_length=NEW, stop_token="eos", temperature=1.0,
        gradient_checkpointing=False, report_to="none", num_sample_generations=0,
        save_strategy="no", disable_tqdm=True, local_rollout_forward_batch_size=BATCH,
    )  # fmt: skip
    ends: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.process_time())

    rows = [{"input_ids": tokenizer(text)["input_ids"]} for text in prompts(tokenizer, 256)]
    PPOTrainer(
        args=config, processing_class=tokenizer, model=policy, ref_model=None, reward_model=scorer,
        value_model=critic, train_dataset=datasets.Dataset.from_list(rows),
        eval_dataset=datasets.Dataset.from_list(rows[:BATCH]), callbacks=[Clock()],
    ).train()  # fmt: skip
    return ends


def worker(arguments: argparse.Namespace) -> None:
    """One run, reported as a line of JSON."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        if arguments.worker == "rlchf":
            ends = ours(arguments.updates, Path(name))
        else:
            ends = theirs(arguments.updates, Path(name), collect=arguments.worker == "trl")
    each = (ends[-1] - ends[0]) / (len(ends) - 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": each, "peak_mib": peak}))


def measured(loop: str, updates: int) -> dict[str, float]:
    """One run in a process of its own."""
    command = [sys.executable, __file__, "--worker", loop, "--updates", str(updates)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{loop}: {done.stderr.strip()[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Run all, in turns, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", choices=LOOPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return worker(arguments)
    runs: dict[str, list[dict[str, float]]] = {loop: [] for loop in LOOPS}
    for _ in range(arguments.repeat):
        for loop, done in runs.items():
            done.append(measured(loop, arguments.updates))
            print(loop, done[-1], file=sys.stderr, flush=True)
    medians = {
        loop: {name: statistics.median(run[name] for run in done) for name in done[0]}
        for loop, done in runs.items()
    }
    table = Table("loop", "updates per CPU second", "rlchf is", "peak MiB", box=None)
    for loop, row in medians.items():
        speed = f"{row['seconds'] / medians['rlchf']['seconds']:.1f}x as fast"
        shown = speed if loop != "rlchf" else ""
        table.add_row(loop, f"{1 / row['seconds']:.2f}", shown, f"{row['peak_mib']:.0f}")
    Console().print(table)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(arguments.out, {"runs": runs, "median": medians})
    return None


if __name__ == "__main__":
    main()
