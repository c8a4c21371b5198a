"""Rows and prompts in the shape of RewardBench 2."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlchf.evaluation.benchmark_prompts import SUBSETS, BenchmarkPrompt

EXAMPLE = Path(__file__).parents[2] / "examples" / "bench" / "rewardbench2.jsonl"


def bench_rows() -> list[dict[str, Any]]:
    """The 24 rows of the example, four of each subset, in the order of `SUBSETS`."""
    return [json.loads(line) for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def random_bench(
    draw: random.Random, pairs: int = 5
) -> tuple[list[BenchmarkPrompt], list[list[float]]]:
    """Prompts of all subsets with scores from few values, so that many are equal."""
    prompts = [
        BenchmarkPrompt(str(n), subset, "?", ["a"], ["b", "c", "d"])
        for subset in SUBSETS[:-1]
        for n in range(draw.randint(1, 6))
    ]
    for n in range(pairs):
        texts = [[str(i) for i in range(draw.randint(low, 5))] for low in (2, 1, 1, 1)]
        prompts.append(BenchmarkPrompt(f"tied:{n}", "Ties", "?", texts[0], texts[1]))
        prompts.append(BenchmarkPrompt(f"ref:{n}", "Ties", "?", texts[2][:1], texts[3]))
    draw.shuffle(prompts)
    low = draw.choice((0, 1))  # more often accurate where correct responses begin above the others
    scores = [
        [draw.randint(0, 3) / 2 + low * (i < len(one.chosen)) for i in range(len(one.responses))]
        for one in prompts
    ]
    return prompts, scores
