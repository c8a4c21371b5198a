"""Ballots with gaps: which rules follow exposure, and which find the order of the responses' quality.

    python benchmarks/rules/gaps.py

Two kinds of data, drawn from a known quality of the responses, on which exposure does not depend:

- one conversation: 100 responses, of which each of 300 annotators ranks twelve; some are shown much more
  often than others.
- many prompts: 200 prompts of eight to twelve responses, each with two or three ballots of five.

Columns: the rank correlation of the scores with exposure (the weight of the ballots that name a response),
within prompts; the share of all pairs of a prompt's responses that are in the order of their quality, where
a tie counts half; and the share of pairs that are tied. Means over some draws.
"""

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from rlchf import Rankings, aggregate
from rlchf.exposure import exposure_correlation

RULES: list[tuple[str, dict[str, Any]]] = [
    ("borda", {}), ("copeland", {}), ("kemeny", {}), ("bradley_terry", {}), ("plackett_luce", {}),
    ("ranked_pairs", {}), ("schulze", {}), ("split_cycle", {}), ("minimax", {}), ("dowdall", {}),
    ("approval", {"average": True}), ("utilitarian", {"average": True}),
    ("approval", {}), ("utilitarian", {}), ("plurality", {}), ("veto", {}), ("bucklin", {}),
    ("coombs", {}), ("coombs", {"majority_stop": False}),
    ("instant_runoff", {}), ("stv", {}), ("seq_phragmen", {}), ("proportional_sequential_borda", {}),
    ("carry_psb", {}), ("cpb", {}),
]  # fmt: skip

Draw = Callable[[np.random.Generator], tuple[Rankings, np.ndarray]]


def conversation(rng: np.random.Generator) -> tuple[Rankings, np.ndarray]:
    """One prompt, of which every annotator sees a part; the quality of the responses."""
    quality, chances = rng.normal(size=100), rng.dirichlet(np.ones(100)) + 0.001
    ballots = [("p", a, ballot(quality, 12, rng, chances)) for a in range(300)]
    return Rankings.from_ballots(ballots), quality


def many_prompts(rng: np.random.Generator) -> tuple[Rankings, np.ndarray]:
    """Small prompts with few ballots each; the quality of their responses, end to end."""
    ballots, qualities = [], []
    for p in range(200):
        quality = rng.normal(size=int(rng.integers(8, 13)))
        cast = [ballot(quality, 5, rng) for _ in range(int(rng.integers(2, 4)))]
        named = sorted({int(name[1:]) for one in cast for name in one.split(" > ")})
        qualities.append(quality[named])
        ballots += [(f"p{p:03}", f"a{a}", one) for a, one in enumerate(cast)]
    return Rankings.from_ballots(ballots), np.concatenate(qualities)


def ballot(
    quality: np.ndarray, n: int, rng: np.random.Generator, chances: np.ndarray | None = None
) -> str:
    """The order of some responses by their quality and noise of the same size."""
    p = None if chances is None else chances / chances.sum()
    named = rng.choice(len(quality), n, replace=False, p=p)
    ranked = named[np.argsort(-(quality[named] + rng.normal(size=n)))]
    return " > ".join(f"r{i:02}" for i in ranked)


def measured(
    rankings: Rankings, quality: np.ndarray, rule: str, options: dict[str, Any]
) -> list[float]:
    """The correlation with exposure, the share of pairs in the right order, and the share tied."""
    ranks = aggregate(rankings, rule, **options).response_ranks
    right = tied = pairs = 0.0
    for start, end in zip(rankings.response_starts[:-1], rankings.response_starts[1:], strict=True):
        i, j = np.triu_indices(int(end - start), 1)
        own, true = ranks[start:end], quality[start:end]
        signs = np.sign(own[j] - own[i])
        right += float((1 + signs * np.sign(true[i] - true[j])).sum()) / 2
        tied += float((signs == 0).sum())
        pairs += len(i)
    return [exposure_correlation(rankings, -ranks)[0], right / pairs, tied / pairs]


def main() -> None:
    """Print one table per kind of data."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--draws", type=int, default=10, help="Number of draws.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed.")
    given = parser.parse_args()
    kinds: dict[str, Draw] = {"one conversation": conversation, "many prompts": many_prompts}
    for kind, draw in kinds.items():
        rng = np.random.default_rng(given.seed)
        data = [draw(rng) for _ in range(given.draws)]
        table = Table(title=kind)
        for column in (
            "rule",
            "correlation with exposure",
            "pairs in the right order",
            "pairs tied",
        ):
            table.add_column(column)
        for rule, options in RULES:
            if rule == "kemeny" and kind == "one conversation":
                continue
            with warnings.catch_warnings(action="ignore"):
                means = np.mean([measured(*one, rule, options) for one in data], axis=0)
            name = ", ".join([rule, *(f"{key}={value}".lower() for key, value in options.items())])
            table.add_row(name, *(f"{mean:.2f}" for mean in means))
        Console(width=100).print(table)


if __name__ == "__main__":
    main()
