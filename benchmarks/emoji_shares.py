"""The emoji share from the ballots to the text, for several rules and several prices of divergence.

    python benchmarks/emoji_shares.py --rules kemeny perpetual_pav --betas 1.0 0.2

runs ``examples/emoji.toml`` once per rule and beta (two minutes each on two cores), prints a Markdown
table, and writes a JSON. With ``--example emoji-smollm2`` it runs the real model.

Beside what PPO reached stands what it should reach: the share of the optimum of reward minus beta KL,
which is the reference reweighted by exp(reward / beta), estimated from the texts sampled before PPO.
"""

import argparse
import json
import math
import resource
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    return {
        "rule": rule,
        "beta": beta,
        "seconds": seconds,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "shares": shares,
        "optimum": optimum_share(before, RewardModel.load(work.folder / "reward"), beta),
        "reward_accuracy": summary["reward_accuracy"],
    }


def optimum_share(samples: list[dict[str, Any]], reward: RewardModel, beta: float) -> float:
    """The trait's share under pi_ref exp(r / beta) / Z, by reweighting samples of pi_ref.

    Samples are reweighted within each prompt, since Z depends on the prompt; prompts count alike.
    """
    scores = reward(
        [row["prompt"] for row in samples], [row["response"] for row in samples]
    ).tolist()
    by_prompt: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for row, score in zip(samples, scores, strict=True):
        by_prompt[json.dumps(row["prompt"])].append((score / beta, row["emoji"]))
    shares = []
    for rows in by_prompt.values():
        top = max(score for score, _ in rows)
        weights = [math.exp(score - top) for score, _ in rows]
        hits = sum(w for w, (_, emoji) in zip(weights, rows, strict=True) if emoji)
        shares.append(hits / sum(weights))
    return sum(shares) / len(shares)


def table(results: list[dict[str, Any]]) -> str:
    """A Markdown table, one line per run."""
    head = ["rule", "beta", "labels, first places", "labels, mixed pairs", "reward model, mixed pairs",
            "policy before", "policy after", "optimum"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for result in results:
        shares = result["shares"]
        rule = f"aggregated ({result['rule']})"
        cells = [result["rule"], f"{result['beta']:g}"]
        for key in (f"{rule}/first places", f"{rule}/mixed pairs", "reward model, held out/mixed pairs",
                    "policy before PPO/texts", "policy after PPO/texts"):  # fmt: skip
            row = shares[key]
            cells.append(f"{row['share']:.2f} ({row['low']:.2f}-{row['high']:.2f})")
        lines.append("| " + " | ".join([*cells, f"{result['optimum']:.2f}"]) + " |")
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
