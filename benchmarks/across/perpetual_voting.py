"""The perpetual rules in the setting of Lackner's paper, compared with the medians of the paper's code.

    python benchmarks/across/perpetual_voting.py --out runs/perpetual_voting.json

M. Lackner, "Perpetual voting: fairness in long-term decision making", AAAI 2020. An instance has 20 voters
and 20 rounds, each with 5 alternatives. The voters are points in the plane: 6 around (-0.5, -0.5), 14
around (0.5, 0.5), normally distributed with deviation 0.2 in each coordinate. The alternatives of
a round are new points, uniform in the square from -1 to 1. A voter approves the alternatives that are at
most 1.5 times as far as the closest one.

The table gives the medians over instances of three measures:

- quota compliance: the share of cases, over voters and rounds, in which a voter's satisfaction so far is
  less than 1 below its quota; the quota grows each round by the largest share of voters that approve an
  alternative that the voter approves;
- Gini of influence: a voter's influence is the sum, over the rounds won, of 1 / (number of winners);
- satisfaction: rounds won by all voters together, as a multiple of those under approval voting.

The instances are drawn anew, so the medians also differ by chance; they should agree within 0.02.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import rlchf
from rlchf import Rankings

VOTERS, ALTERNATIVES, ROUNDS = 20, 5, 20
MEASURES = ("quota compliance", "Gini of influence", "satisfaction")
WEIGHING = {"base": "approval", "unit": "approval"}
OPTIONS: dict[str, dict[str, Any]] = {
    "approval": {"ties": "lexicographic"},
    "perpetual_pav": WEIGHING,
    "perpetual_nash": {"unit": "approval"},
    "perpetual_quota": WEIGHING,
    "perpetual_unit_cost": WEIGHING,
    "perpetual_consensus": WEIGHING,
    "perpetual_reset": WEIGHING,
    "perpetual_phragmen": {"unit": "approval"},
    "perpetual_equality": {"unit": "approval"},
}
KNOWN = {
    "approval": (0.755, 0.271, 1.0),
    "perpetual_pav": (0.927, 0.099, 0.930),
    "perpetual_nash": (0.927, 0.086, 0.918),
    "perpetual_quota": (0.960, 0.056, 0.883),
    "perpetual_unit_cost": (0.955, 0.070, 0.914),
    "perpetual_consensus": (0.925, 0.055, 0.864),
    "perpetual_reset": (0.925, 0.076, 0.901),
    "perpetual_phragmen": (0.910, 0.087, 0.905),
    "perpetual_equality": (0.595, 0.153, 0.780),
}
"""Medians over 1,000 instances of the code that was published with the paper."""

GOAL = 0.02


def approvals(instances: int, rng: np.random.Generator) -> np.ndarray:
    """(instances, ROUNDS, VOTERS, ALTERNATIVES) bool."""
    centres = np.repeat([-0.5, 0.5], [VOTERS // 3, VOTERS - VOTERS // 3])[:, None, None]
    voters = rng.normal(centres, 0.2, (instances, 1, VOTERS, 1, 2))
    alternatives = rng.uniform(-1, 1, (instances, ROUNDS, 1, ALTERNATIVES, 2))
    distance = np.sqrt(((voters - alternatives) ** 2).sum(axis=-1))
    approved: np.ndarray = distance <= 1.5 * distance.min(axis=-1, keepdims=True)
    return approved


def as_rankings(approved: np.ndarray) -> Rankings:
    """All instances as one dataset: each has its own annotators, so that they are independent."""
    instances = len(approved)
    prompts = instances * ROUNDS
    annotators = np.arange(instances * VOTERS).reshape(instances, 1, VOTERS)
    flat = approved.reshape(-1, ALTERNATIVES)  # one row per ballot
    entries = np.nonzero(flat)[1]
    return Rankings(
        prompt_ids=[str(p) for p in range(prompts)],
        annotator_ids=[str(a) for a in range(instances * VOTERS)],
        response_ids=["a", "b", "c", "d", "e"] * prompts,
        response_starts=np.arange(0, prompts * ALTERNATIVES + 1, ALTERNATIVES),
        ballot_starts=np.arange(0, len(flat) + 1, VOTERS),
        ballot_annotators=np.repeat(annotators, ROUNDS, axis=1).ravel(),
        ballot_weights=np.ones(len(flat)),
        ballot_counts=np.ones(len(flat), dtype=np.int64),
        entry_starts=np.concatenate([[0], np.cumsum(flat.sum(axis=1))]),
        entry_responses=entries.astype(np.int32),
        entry_ranks=np.ones(len(entries), dtype=np.int16),
    )


def winners(rankings: Rankings, rule: str) -> np.ndarray:
    """(instances, ROUNDS) the alternative chosen in each round: the first of those ranked first."""
    result = rlchf.aggregate(rankings, rule, **OPTIONS[rule])
    first = result.response_ranks.reshape(-1, ROUNDS, ALTERNATIVES) == 1
    chosen: np.ndarray = first.argmax(axis=-1)
    return chosen


def measure(approved: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quota compliance, Gini of influence and rounds won, (instances,) each."""
    won = np.take_along_axis(approved, chosen[:, :, None, None], axis=3)[..., 0]  # (I, ROUNDS, V)
    support = (approved * approved.sum(axis=2, keepdims=True)).max(axis=3)  # in voters
    missing = support.cumsum(axis=1) - VOTERS * won.cumsum(axis=1)
    compliance = (missing < VOTERS).mean(axis=(1, 2))
    influence = np.sort((won / np.maximum(won.sum(axis=2, keepdims=True), 1)).sum(axis=1), axis=1)
    gini = influence @ (2 * np.arange(VOTERS) - VOTERS + 1) / VOTERS / influence.sum(axis=1)
    return compliance, gini, won.sum(axis=(1, 2))


def medians(approved: np.ndarray) -> dict[str, list[float]]:
    """The medians of each rule, in the order of `MEASURES`."""
    rankings = as_rankings(approved)
    by_rule, won_by_approval = {}, None
    for rule in OPTIONS:  # approval voting comes first
        compliance, gini, won = measure(approved, winners(rankings, rule))
        won_by_approval = won if won_by_approval is None else won_by_approval
        measures = compliance, gini, won / won_by_approval
        by_rule[rule] = [float(np.median(values)) for values in measures]
    return by_rule


def table(by_rule: dict[str, list[float]]) -> Table:
    """Our medians and the paper's; red if they differ too much."""
    shown = Table(title=f"{VOTERS} voters, {ALTERNATIVES} alternatives, {ROUNDS} rounds: medians")
    for head in ("rule", *(f"{measure} (paper's code)" for measure in MEASURES)):
        shown.add_column(head, justify="left" if head == "rule" else "right")
    for rule, ours in by_rule.items():
        cells = []
        for value, known in zip(ours, KNOWN[rule], strict=True):
            colour = "green" if abs(value - known) <= GOAL else "red"
            cells.append(f"[{colour}]{value:.3f}[/] ({known:.3f})")
        shown.add_row(rule, *cells)
    return shown


def main() -> None:
    """Draw the instances, apply the rules, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write a JSON")
    settings = parser.parse_args()
    by_rule = medians(approvals(settings.instances, np.random.default_rng(settings.seed)))
    console = Console(width=120)
    console.print(table(by_rule))
    differences = {
        rule: max(abs(a - b) for a, b in zip(ours, KNOWN[rule], strict=True))
        for rule, ours in by_rule.items()
    }
    largest = max(differences, key=differences.__getitem__)
    console.print(f"largest difference: {differences[largest]:.3f} ({largest})")
    if settings.out is not None:
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        rows = {rule: dict(zip(MEASURES, ours, strict=True)) for rule, ours in by_rule.items()}
        result = {"instances": settings.instances, "seed": settings.seed, "medians": rows}
        settings.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
