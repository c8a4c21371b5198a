"""The share of a minority under DPO and under PPO, with the same labels and the same initial policy.

    pip install '.[trl]'
    python benchmarks/share_audit/dpo_shares.py --out runs/dpo_shares

Six of ten annotators like plain advice better, four like an emoji in it (``texts.py``, the tiny
Llama). The collective rankings of each rule become rows of chosen and rejected, and TRL's DPOTrainer
learns from them; for "pooled" every ballot gives a row. The table compares it with PPO on a reward model
of the same labels, and with the closed form if all texts of a kind were alike: the shares before, times
the labels' share to the power of 1 / beta. Takes about ten minutes of one core.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from ballots import PRIOR, labels_of, ranks_in_ballots, ranks_in_result
from case import Case
from rich.console import Console
from rich.table import Table
from scene import JUDGED, make_talk
from texts import cell, fit, improve, learn_to_write, prepare_process, read_texts, write_texts

from rlchf.io.json import write_json
from rlchf.io.trainer_rows import pair_rows
from rlchf.jobs.progress import stage
from rlchf.optima import bradley_terry, kl_optimum
from rlchf.preferences import Example
from rlchf.train.models.load import load_policy, load_tokenizer

RULES = ("kemeny", "pooled", "perpetual_pav")
BETAS = (1.0, 0.5, 0.2)
SETTINGS = {"learning_rate": 1e-4, "num_train_epochs": 3, "per_device_train_batch_size": 16}


def kind_ranks(case: Case) -> np.ndarray:
    """(N, kinds) rank of each kind in the collective rankings, or in the ballots if pooled."""
    if case.rule == "pooled":
        return ranks_in_ballots(case.rankings(), case.kinds)
    return ranks_in_result(case.result(), case.kinds)


def rows(case: Case) -> list[dict[str, Any]]:
    """Rows of prompt, chosen and rejected."""
    talk, ranks = make_talk(case.kinds, JUDGED), kind_ranks(case)
    names = [name for name in talk.prompts for _ in range(len(ranks) // len(talk.prompts))]
    examples: list[Example] = []
    for name, row in zip(names, ranks.astype(int).tolist(), strict=True):
        texts = [talk.responses[name][kind] for kind in case.kinds]
        prompt = talk.prompts[name] + "\n"  # as the policy's chat template closes it
        examples.append(Example(name, prompt, case.kinds, texts, row))
    return pair_rows(examples, "trl").train


def dpo(case: Case, beta: float) -> dict[str, Any]:
    """The share of the texts of a policy that DPO has trained."""
    out, file = case.folder / f"dpo-{beta:g}", case.folder / f"dpo-{beta:g}.json"
    if not file.exists():
        from datasets import Dataset
        from trl import DPOConfig, DPOTrainer

        base = case.scene / "base"
        settings = DPOConfig(
            output_dir=str(out), beta=beta, max_length=64, report_to="none", save_strategy="no",
            disable_tqdm=True, use_cpu=True, bf16=False, gradient_checkpointing=False, **SETTINGS,
        )  # fmt: skip
        trainer = DPOTrainer(
            model=load_policy(base),
            args=settings,
            train_dataset=Dataset.from_list(rows(case)),
            processing_class=load_tokenizer(base),
        )
        trainer.train()
        trainer.model.save_pretrained(out)
        load_tokenizer(base).save_pretrained(out)
        write_texts(case, out, file, "after")
        shutil.rmtree(out)
    after = [text for _, text in read_texts(file)]
    return cell(case.shares_of(after)[-1], len(after))


def compared(case: Case) -> list[dict[str, Any]]:
    """A row per beta: the closed form of the labels, DPO and PPO."""
    labels = labels_of(kind_ranks(case))
    before = case.shares_of([text for _, text in read_texts(case.scene / "before.json")])
    rows = []
    for beta in BETAS:
        closed_form = kl_optimum(before, bradley_terry(labels.wins, PRIOR), beta)
        row = {"rule": case.rule, "beta": beta, "labels": float(labels.firsts[-1])}
        row |= {"closed_form": float(closed_form[-1]), "ppo": improve(case, f"KL {beta:g}")}
        rows.append(row | {"dpo": dpo(case, beta)})
    return rows


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/dpo_shares"))
    out = parser.parse_args().out
    prepare_process("tiny")
    results: list[dict[str, Any]] = []
    for rule in RULES:
        case = Case("tiny", "60/40", rule, str(out / "tiny"))
        with stage(rule):
            learn_to_write(case)
            fit(case)
            results += compared(case)
    write_json(out / "dpo_shares.json", results)
    table = Table("rule", "beta", "labels", "closed form", "DPO", "PPO")
    for row in results:
        shares = [f"{row[name]:.2f}" for name in ("labels", "closed_form")]
        for x in (row["dpo"], row["ppo"]):
            shares.append(f"{x['mean']:.2f} ({x['low']:.2f}-{x['high']:.2f})")
        table.add_row(row["rule"], f"{row['beta']:g}", *shares)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
