"""What one annotator of ten gains by dissenting falsely where all agree.

    python benchmarks/across/false_dissent.py --out runs/false_dissent.json

Ten annotators, 100 prompts of two responses: on every second prompt all agree, on the others each has one
of the two opinions at random. Annotator 0 reports its opinions, or the opposite of them on the prompts on
which all agree: there it cannot change the outcome, but it is counted as unsatisfied. A row gives its
agreement, by its true opinions, on the other prompts under both reports, the mean and the standard error of
the gain over random datasets, and how many of the unanimous prompts are decided as all think. ``--dissent``
is the share of the unanimous prompts on which it dissents, ``--annotators`` how many there are.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import rlchf
from rlchf import Aggregation, Rankings
from rlchf.rules import list_rules


def opinions(annotators: int, prompts: int, rng: np.random.Generator) -> np.ndarray:
    """(T, A) bool: an annotator prefers a; all do on every second prompt."""
    prefers_a = rng.random((prompts, annotators)) < 0.5
    prefers_a[::2] = True
    return prefers_a


def reported(true: np.ndarray, dissent: float, rng: np.random.Generator) -> np.ndarray:
    """The same with annotator 0 on the other side of some unanimous prompts."""
    false = true.copy()
    unanimous = np.arange(0, len(true), 2)
    some = rng.permutation(unanimous)[: round(dissent * len(unanimous))]
    false[some, 0] = False
    return false


def chances_of_a(result: Aggregation) -> np.ndarray:
    """(T,) the probability that a is above b; 1/2 where they are tied."""
    if result.probabilities is not None:
        return result.probabilities
    ranks = result.response_ranks.reshape(-1, 2)
    return np.asarray((1 + np.sign(ranks[:, 1] - ranks[:, 0])) / 2)


def agreement(
    rule: str, true: np.ndarray, reports: np.ndarray, options: dict[str, Any]
) -> tuple[float, float]:
    """Annotator 0's true agreement on the contested prompts, and how many unanimous ones come out right."""
    rows = [
        (f"{t:04d}", i, "a > b" if prefers_a else "b > a")
        for t, row in enumerate(reports)
        for i, prefers_a in enumerate(row)
    ]
    chances = chances_of_a(rlchf.aggregate(Rankings.from_ballots(rows), rule, **options))
    agrees = np.where(true[:, 0], chances, 1 - chances)
    return float(agrees[1::2].mean()), float(chances[::2].mean())


def measure(
    rule: str, annotators: int, prompts: int, dissent: float, seeds: int, options: dict[str, Any]
) -> dict[str, Any]:
    """A row of the table."""
    honest, false, right = [], [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        true = opinions(annotators, prompts, rng)
        honest.append(agreement(rule, true, true, options)[0])
        with_dissent, unanimous = agreement(rule, true, reported(true, dissent, rng), options)
        false.append(with_dissent)
        right.append(unanimous)
    gains = np.array(false) - np.array(honest)
    return {
        "rule": rule,
        "honest": float(np.mean(honest)),
        "false": float(np.mean(false)),
        "gain": float(gains.mean()),
        "error": float(gains.std(ddof=1) / np.sqrt(seeds)),
        "right": float(np.mean(right)),
    }


def main() -> None:
    """Measure, print, write."""
    across = [name for name, card in list_rules().items() if card.kind == "across prompts"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rules", nargs="+", default=["kemeny", *across])
    parser.add_argument("--annotators", type=int, default=10)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--dissent", type=float, default=1.0)
    parser.add_argument("--unit", help="option unit of the rules, such as contested_pair")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("runs/false_dissent.json"))
    settings = parser.parse_args()
    rows = []
    print(
        "| rule | honest | with false dissent | gain | unanimous prompts right |\n|---|---|---|---|---|"
    )
    for rule in settings.rules:
        options = {"unit": settings.unit} if settings.unit else {}
        row = measure(
            rule, settings.annotators, settings.prompts, settings.dissent, settings.seeds, options
        )
        rows.append(row)
        gain = f"{row['gain']:+.3f} ± {row['error']:.3f}"
        print(
            f"| {rule} | {row['honest']:.3f} | {row['false']:.3f} | {gain} | {row['right']:.2f} |",
            flush=True,
        )
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    settings.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
