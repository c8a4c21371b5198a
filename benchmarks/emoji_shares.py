"""The emoji share from the ballots to the text, for several rules and several prices of divergence.

    python benchmarks/emoji_shares.py --rules kemeny perpetual_pav --betas 1.0 0.2

runs ``examples/emoji.toml`` once per rule and beta (two minutes each on two cores), prints a Markdown
table, and writes a JSON. With ``--example emoji-smollm2`` it runs the real model.

Beside what PPO reached stands what the law in beta predicts: PPO approaches the reference times
exp(reward / beta), so if all texts with an emoji score a gap g above all texts without, the odds of an
emoji become the reference's times exp(g / beta). The gap is the difference of the mean scores of the
texts sampled before PPO; that it is the same for all texts is a simplification.
"""

import argparse
import json
import math
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from rlchf.pipeline import Pipeline
from rlchf.runfile import read
from rlchf.train.reward_model import RewardModel

ROOT = Path(__file__).parents[1]


def run_once(example: str, rule: str, beta: float, folder: Path) -> dict[str, Any]:
    """One whole run; its shares, its time and its peak memory so far."""
    run = read(ROOT / "examples" / f"{example}.toml")
    assert run.ppo is not None
    run = replace(run, rule={"name": rule}, ppo=replace(run.ppo, kl_coef=beta))
    work = Pipeline(run, folder / f"{example}-{rule}-{beta}")
    began = time.monotonic()
    summary = work()
    seconds = time.monotonic() - began
    shares = {f"{row['stage']}/{row['measure']}": row for row in summary["shares"]}
    samples = [json.loads(line) for line in (work.folder / "samples.jsonl").open(encoding="utf-8")]
    before = [row for row in samples if row["stage"] == "before"]
    gap, predicted = law(before, RewardModel.load(work.folder / "reward"), beta)
    return {
        "rule": rule,
        "beta": beta,
        "seconds": seconds,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "shares": shares,
        "gap": gap,
        "predicted": predicted,
        "reward_accuracy": summary["reward_accuracy"],
    }


def law(samples: list[dict[str, Any]], reward: RewardModel, beta: float) -> tuple[float, float]:
    """The reward's gap between texts with and without the trait, and the share it should lead to."""
    scores = reward([row["prompt"] for row in samples], [row["response"] for row in samples])
    has = torch.tensor([row["emoji"] for row in samples])
    gap = float(scores[has].mean() - scores[~has].mean())
    share = float(has.float().mean())
    odds = share / (1 - share) * math.exp(gap / beta)
    return gap, odds / (1 + odds)


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
    parser.add_argument("--out", type=Path, default=Path("runs/emoji_shares"))
    arguments = parser.parse_args()
    results = []
    for rule in arguments.rules:
        for beta in arguments.betas:
            results.append(run_once(arguments.example, rule, beta, arguments.out))
            print(json.dumps(results[-1]), file=sys.stderr)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / f"{arguments.example}.json").write_text(json.dumps(results, indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
