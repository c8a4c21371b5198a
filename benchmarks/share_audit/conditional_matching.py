"""Conditional preference matching beside share targets: shares, quality and divergence of both optima.

    python benchmarks/share_audit --model tiny --plan shares --out runs/share_audit
    python benchmarks/share_audit/conditional_matching.py --out runs/share_audit

Preference matching loses the language because it counts all texts, of which most are noise. Its conditional
variant (J. Xiao et al., "On the algorithmic bias of aligning large language models with RLHF", 2024,
https://arxiv.org/abs/2405.16455) matches the reward among the natural texts only: the policy is proportional
to exp(reward) over them, and says nothing else. Here the natural texts of a prompt are the distinct ones
among the samples of the reference, each once.

The first table is exact: two or three kinds with some texts each, rewards that are log-odds of the labels'
shares, as they are where labels keep the shares, and a reference that writes every text equally often. The
shares are then in proportion to the labels' share times the number of the kind's natural texts. The second
takes the texts before PPO and their scores that the share audit has left in its folder, and computes, prompt
by prompt, the conditional optimum and the policy with the annotators' weights as shares (beta = 1). Quality
is the mean score with each kind's mean over the reference's texts taken off.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from ballots import KINDS, POPULATIONS
from rich.console import Console
from rich.table import Table
from scene import kind_of

from rlchf.io.json import read_json, write_json
from rlchf.optima import share_constrained, uniform

COUNTS: dict[str, list[tuple[int, ...]]] = {
    "60/40": [(4, 4), (4, 2), (4, 8)],
    "50/30/20": [(4, 4, 4), (4, 8, 2), (8, 4, 1)],
}
"""Numbers of natural texts of each kind."""


def conditional(rewards: np.ndarray, natural: np.ndarray) -> np.ndarray:
    """(M,) the policy proportional to exp(reward) among the natural texts.

    Examples
    --------
    >>> conditional(np.log([0.6, 0.4, 0.9]), np.array([True, True, False])).round(3)
    array([0.6, 0.4, 0. ])
    """
    powers = np.where(natural, np.exp(rewards - rewards[natural].max()), 0.0)
    return np.asarray(powers / powers.sum())


def exact(population: str, counts: tuple[int, ...]) -> dict[str, Any]:
    """Shares of both where the labels keep the shares, and a kind has so many natural texts."""
    sizes = np.array(POPULATIONS[population]) / sum(POPULATIONS[population])
    kinds = np.repeat(np.arange(len(sizes)), counts)
    rewards = np.log(sizes)[kinds]
    matched = conditional(rewards, np.full(len(kinds), True))
    kept = share_constrained(uniform(len(kinds)), rewards, kinds, sizes, beta=1.0)
    shares = np.bincount(kinds, matched)
    return {"population": population, "counts": counts, "matched": shares, "kept": kept.shares}


def sampled(folder: Path, population: str, rule: str) -> dict[str, Any]:
    """Figures of both on the texts before PPO, as means over prompts."""
    rows = read_json(folder / "before.json")
    scores = np.array(read_json(folder / rule / "scores.json"))
    sizes = np.array(POPULATIONS[population]) / sum(POPULATIONS[population])
    names = KINDS[: len(sizes)]
    kinds = np.array([names.index(kind_of(text, names)) for _, text in rows])
    means = np.bincount(kinds, scores) / np.bincount(kinds)
    quality = scores - means[kinds]
    prompts = np.array([prompt for prompt, _ in rows])
    figures = []
    natural_texts = []
    for prompt in dict.fromkeys(prompts.tolist()):
        rows_of = np.flatnonzero(prompts == prompt)
        texts = [rows[row][1] for row in rows_of]
        first = np.array([texts.index(text) == n for n, text in enumerate(texts)])
        policy = conditional(scores[rows_of], first)
        counts = np.array([texts.count(text) for text in texts])
        used = policy > 0
        divergence = policy[used] @ np.log(policy[used] * len(texts) / counts[used])
        shares = np.bincount(kinds[rows_of], policy, minlength=len(sizes))
        figures.append([*shares, policy @ quality[rows_of], divergence])
        natural_texts.append(np.bincount(kinds[rows_of][first], minlength=len(sizes)))
    matched = np.mean(figures, axis=0)
    tables = by_prompt(prompts, quality, kinds)
    kept = share_constrained(*tables, sizes, beta=1.0)
    return {
        "population": population,
        "rule": rule,
        "counts": np.mean(natural_texts, axis=0),
        "matched": matched[:-2],
        "matched_quality": matched[-2],
        "matched_kl": matched[-1],
        "kept": kept.shares,
        "kept_quality": kept.reward,
        "kept_kl": kept.kl,
    }


def by_prompt(
    prompts: np.ndarray, quality: np.ndarray, kinds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Equal probabilities, quality and kinds, each (P, M), where all prompts have M samples."""
    order = np.argsort(prompts, kind="stable")
    shape = (len(set(prompts.tolist())), -1)
    values, of_kinds = quality[order].reshape(shape), kinds[order].reshape(shape)
    return np.full(values.shape, 1 / values.shape[1]), values, of_kinds


def shown(shares: np.ndarray) -> str:
    """Shares with two digits."""
    return ", ".join(f"{share:.2f}" for share in shares)


def main() -> None:
    """Compute, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/share_audit"))
    out = parser.parse_args().out
    first = [exact(population, counts) for population, each in COUNTS.items() for counts in each]
    table = Table("population", "natural texts", "matched", "share targets", title="exact")
    for row in first:
        counts = ", ".join(map(str, row["counts"]))
        table.add_row(row["population"], counts, shown(row["matched"]), shown(row["kept"]))
    Console(width=140).print(table)
    second: list[dict[str, Any]] = []
    for model in ("tiny", "smollm2"):
        for file in sorted((out / model).glob("*/*/scores.json"), reverse=True):
            rule, population = file.parent.name, file.parent.parent.name.replace("-", "/")
            if "-seed-" not in rule:
                row = sampled(file.parent.parent, population, rule)
                second.append({"model": model} | row)
    table = Table("model", "population", "rule", "natural texts", "matched", "quality", "nats",
                  "share targets", "quality", "nats", title="texts before PPO, beta = 1")  # fmt: skip
    for row in second:
        table.add_row(
            row["model"], row["population"], row["rule"],
            ", ".join(f"{count:.1f}" for count in row["counts"]),
            shown(row["matched"]), f"{row['matched_quality']:.2f}", f"{row['matched_kl']:.2f}",
            shown(row["kept"]), f"{row['kept_quality']:.2f}", f"{row['kept_kl']:.2f}",
        )  # fmt: skip
    Console(width=160).print(table)
    out.mkdir(parents=True, exist_ok=True)
    plain = [{name: np.asarray(x).tolist() for name, x in row.items()} for row in [*first, *second]]
    write_json(out / "conditional_matching.json", plain)


if __name__ == "__main__":
    main()
