"""The emoji share from the ballots to the text, for several rules and several KL coefficients.

    python benchmarks/share_audit/emoji_shares.py --rules kemeny perpetual_pav --betas 1.0 0.2

runs ``examples/emoji.toml`` once per rule and beta (two minutes each on two cores), prints a Markdown
table, and writes a JSON. With ``--example emoji-smollm2`` it runs the real model. The example's share targets
are left out.

The table compares what PPO reached with the closed form: PPO approaches the reference times
exp(reward / beta), so if all texts with an emoji score a gap g above all texts without, the odds of an
emoji become the reference's times exp(g / beta). The gap is the difference of the mean scores of the
texts sampled before PPO; that it is the same for all texts is a simplification.
"""

import argparse
import math
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlchf.io.json import read_jsonl, write_json
from rlchf.jobs.progress import stage
from rlchf.jobs.run import Pipeline
from rlchf.jobs.runfile import Run, read
from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
from rlchf.train.ppo import ppo
from rlchf.train.ppo.shaping import Reward, share_of
from rlchf.train.reward import RewardModel

ROOT = Path(__file__).parents[2]
Wrap = Callable[[Reward], Reward]


def run_once(run: Run, fitted: Path, folder: Path, wrap: Wrap | None = None) -> dict[str, Any]:
    """One run of PPO and the stages before it; its shares, its time and its peak memory so far.

    Parameters
    ----------
    fitted
        A folder for the stages before PPO; runs that differ in PPO alone share it.
    wrap
        Makes PPO's reward from the reward model; by default it is the model itself.
    """
    assert run.ppo is not None
    work, began = Pipeline(run, fitted), time.monotonic()
    quieten_transformers()
    if run.model.name == "tiny":
        torch.set_num_threads(1)
    work.aggregate()
    work.train_reward_model()
    work.sample("before", work.base_policy())
    seconds = {"reward": time.monotonic() - began}
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("base", "reward", "samples-before.jsonl"):
        if (fitted / name).exists() and not (folder / name).exists():
            (folder / name).symlink_to((fitted / name).resolve())
    work, began = Pipeline(run, folder), time.monotonic()
    reward, backbone = RewardModel.load(folder / "reward"), work.base_policy()
    if not (folder / "policy/config.json").exists():
        labels = work.shares.kinds.labels
        measure = share_of(run.label.name, labels[run.label.name]) if labels else None
        reward_of_ppo = wrap(reward) if wrap else reward
        with stage(f"PPO, {run.ppo.updates} updates") as tick:
            ppo(
                load_policy(backbone), load_tokenizer(backbone), work.policy_prompts, reward_of_ppo, run.ppo,
                folder / "policy", resume=True, measure=measure, progress=tick,
            )  # fmt: skip
    summary = work()
    seconds["policy"] = time.monotonic() - began
    return {
        "rule": run.rule["name"],
        "beta": run.ppo.kl_coef,
        "seconds": seconds,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "shares": {f"{row['stage']}/{row['measure']}": row for row in summary["shares"]},
        "reward_accuracy": summary["reward_accuracy"],
    }


def scored(fitted: Path) -> tuple[np.ndarray, np.ndarray]:
    """The reward model's scores of the texts before PPO, and whether they have an emoji."""
    rows = read_jsonl(fitted / "samples-before.jsonl")
    reward = RewardModel.load(fitted / "reward")
    scores = reward([row["prompt"] for row in rows], [row["response"] for row in rows])
    return scores.numpy(), np.array([row["emoji"] for row in rows])


def tilted(share: float, gap: float) -> float:
    """The share when the odds become exp(gap) times as large."""
    odds = share / (1 - share) * math.exp(gap)
    return odds / (1 + odds)


def table(results: list[dict[str, Any]]) -> str:
    """A Markdown table, one line per run."""
    head = ["rule", "beta", "labels, first places", "labels, mixed pairs", "reward model, mixed pairs",
            "policy before", "policy after", "reward gap", "predicted"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for result in results:
        shares = result["shares"]
        rule = f"aggregated ({result['rule']})"
        cells = [result["rule"], f"{result['beta']:g}"]
        for key in (f"{rule}/first places", f"{rule}/mixed pairs", "reward model, held out/mixed pairs",
                    "policy before PPO/texts", "policy after PPO/texts"):  # fmt: skip
            row = shares[key]
            cells.append(f"{row['share']:.2f} ({row['low']:.2f}-{row['high']:.2f})")
        cells += [f"{result['gap']:.2f}", f"{result['predicted']:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--example", default="emoji", choices=["emoji", "emoji-smollm2"])
    parser.add_argument("--rules", nargs="+", default=["kemeny", "perpetual_pav"])
    parser.add_argument("--betas", nargs="+", type=float, default=[1.0])
    parser.add_argument("--learning-rate", type=float, help="of PPO; by default the example's")
    parser.add_argument("--out", type=Path, default=Path("runs/emoji_shares"))
    arguments = parser.parse_args()
    example = read(ROOT / "examples" / f"{arguments.example}.toml")
    assert example.ppo is not None
    results = []
    for rule in arguments.rules:
        fitted = arguments.out / f"{arguments.example}-{rule}"
        for beta in arguments.betas:
            rate = arguments.learning_rate or example.ppo.learning_rate
            ppo_config = replace(example.ppo, kl_coef=beta, learning_rate=rate)
            run = replace(example, rule={"name": rule}, ppo=ppo_config, share_targets=None)
            result = run_once(run, fitted, fitted.with_name(f"{fitted.name}-{beta}"))
            scores, has = scored(fitted)
            result["gap"] = float(scores[has].mean() - scores[~has].mean())
            result["predicted"] = tilted(float(has.mean()), result["gap"] / beta)
            results.append(result)
            print(result, file=sys.stderr)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_json(arguments.out / f"{arguments.example}.json", results)
    print(table(results))


if __name__ == "__main__":
    main()
