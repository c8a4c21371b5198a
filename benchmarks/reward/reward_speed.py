"""Speed of training reward models on rankings of K responses, compared with TRL's trainer on pairs.

    pip install '.[trl]'
    python benchmarks/reward/reward_speed.py --out runs/reward_speed.json

"sharing" is the option ``share_prompt``: a prompt is read once for all its responses.

Both learn the same rankings of the same synthetic texts, with the same backbone (a Llama of two layers with
random weights), for one epoch with the same number of prompts in each step. rlchf reads a prompt's K
responses once each; TRL reads K (K - 1) / 2 pairs of texts. Each run is a separate process; times are CPU
seconds on one thread of the training with tokenizing and without imports. Held-out accuracy is over all
pairs of the held-out prompts.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
from rich.console import Console
from rich.table import Table

from rlchf.io.json import write_json
from rlchf.preferences import Example

K_RESPONSES = (2, 4, 8)
HELD_OUT = 256
LEARNING_RATE = 1e-3
MAX_LENGTH = 128


def ranked(prompts: int, K: int, seed: int = 0) -> list[Example]:
    """Prompts with K responses, ranked by the sum of hidden values of their words."""
    rng = np.random.default_rng(seed)
    words = np.array([f"{a}{b}" for a in "bdfgklmnprst" for b in "aeiou"])
    values = np.random.default_rng(99).normal(size=len(words))
    examples = []
    for p in range(prompts):
        prompt = " ".join(rng.choice(words, 20)) + "\n"
        drawn = [rng.integers(len(words), size=rng.integers(20, 40)) for _ in range(K)]
        scores = np.array([values[d].sum() for d in drawn])
        ranks = 1 + (scores[None] > scores[:, None]).sum(1)
        texts = [" ".join(words[d]) for d in drawn]
        examples.append(Example(str(p), prompt, [str(k) for k in range(K)], texts, ranks.tolist()))
    return examples


def backbone(folder: Path) -> str:
    """A model of random weights and its tokenizer."""
    from rlchf.train.models.tiny import tiny_llama

    texts = [text for example in ranked(64, 2, seed=5) for text in example.responses]
    model, tokenizer = tiny_llama(texts, vocab_size=600, hidden_size=64)
    tokenizer.chat_template = None  # so that both trainers see the same tokens
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def learn_ours(
    train: list[Example], batch: int, path: str, out: Path, share: bool
) -> tuple[Any, float]:
    """The model trained by `rlchf.train.reward.train_reward`, and the CPU seconds."""
    from rlchf.train.reward import RewardConfig, train_reward

    settings = RewardConfig(
        epochs=1,
        learning_rate=LEARNING_RATE,
        batch_size=batch,
        max_length=MAX_LENGTH,
        share_prompt=share,
        normalise="none",  # TRL does not score the texts again to centre the scores
    )
    began = time.process_time()
    trained = train_reward(train, [], path, settings, out)
    return trained.model, time.process_time() - began


def learn_trl(train: list[Example], batch: int, path: str, out: Path) -> tuple[Any, float]:
    """The model trained by TRL on all pairs of each prompt, and the CPU seconds."""
    import datasets
    from transformers import AutoTokenizer
    from trl import RewardConfig, RewardTrainer

    from rlchf.train.reward.backbone import load_backbone
    from rlchf.train.reward.model import RewardModel

    datasets.disable_progress_bars()
    K = len(train[0].responses)
    model, _ = load_backbone(path)
    tokenizer = AutoTokenizer.from_pretrained(path)
    settings = RewardConfig(
        output_dir=str(out),
        num_train_epochs=1,
        learning_rate=LEARNING_RATE,
        max_length=MAX_LENGTH,
        per_device_train_batch_size=batch * K * (K - 1) // 2,
        lr_scheduler_type="linear",
        warmup_steps=int(0.05 * len(train) / batch),
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1000,
        use_cpu=True,
    )
    began = time.process_time()
    rows = []
    for example in train:
        order = np.argsort(example.ranks)
        for better, worse in combinations(order, 2):
            texts = example.responses[better], example.responses[worse]
            rows.append({"prompt": example.prompt, "chosen": texts[0], "rejected": texts[1]})
    trainer = RewardTrainer(
        model=model,
        args=settings,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    trainer.train()
    return RewardModel(model, tokenizer, MAX_LENGTH), time.process_time() - began


def worker(arguments: argparse.Namespace) -> None:
    """One training, reported as one line of JSON."""
    import torch

    from rlchf.evaluation import pair_accuracy

    torch.set_num_threads(1)
    train = ranked(arguments.prompts, arguments.k, seed=1)
    held_out = ranked(HELD_OUT, arguments.k, seed=2)
    with tempfile.TemporaryDirectory() as folder:
        out, path = Path(folder) / "out", backbone(Path(folder) / "base")
        share = arguments.worker == "sharing"
        if arguments.worker == "trl":
            import trl  # noqa: F401  # not counted

            learn_trl(train[: 2 * arguments.batch], arguments.batch, path, out)
            scorer, seconds = learn_trl(train, arguments.batch, path, out)
        else:
            learn_ours(train[: 2 * arguments.batch], arguments.batch, path, out, share)
            scorer, seconds = learn_ours(train, arguments.batch, path, out, share)
        scores = [scores.numpy() for scores in scorer.score_examples(held_out)]
        accuracy = pair_accuracy(scores, held_out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "accuracy": accuracy, "peak_mib": peak}))


def measure(trainer: str, K: int, prompts: int, batch: int) -> dict[str, float]:
    """The figures of one training in a separate process."""
    command = [sys.executable, __file__, "--worker", trainer]
    command += ["--k", str(K), "--prompts", str(prompts), "--batch", str(batch)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{trainer}, K = {K}: {done.stderr.strip()[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Run all trainers for each K and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=768)
    parser.add_argument("--batch", type=int, default=8, help="prompts per step")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", choices=["trl", "rlchf", "sharing"], help=argparse.SUPPRESS)
    parser.add_argument("--k", type=int, default=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return worker(arguments)
    names = ("prompts per CPU second", "relative to TRL", "held-out accuracy", "peak MiB")
    table = Table("K", "trainer", *names, box=None)
    records: list[dict[str, Any]] = []
    for K in K_RESPONSES:
        rates = {}
        for trainer in ("trl", "rlchf", "sharing"):
            runs = [
                measure(trainer, K, arguments.prompts, arguments.batch)
                for _ in range(arguments.repeat)
            ]
            medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            rates[trainer] = arguments.prompts / medians["seconds"]
            relative = rates[trainer] / rates["trl"]
            records.append(
                {"K": K, "trainer": trainer, "rate": rates[trainer], "times": relative, **medians}
            )
            numbers = f"{medians['accuracy']:.3f}", f"{medians['peak_mib']:.0f}"
            table.add_row(str(K), trainer, f"{rates[trainer]:.0f}", f"{relative:.1f}", *numbers)
            print(records[-1], file=sys.stderr, flush=True)
    Console().print(table)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(arguments.out, records)
    return None


if __name__ == "__main__":
    main()
