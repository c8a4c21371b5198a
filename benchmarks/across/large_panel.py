"""A minority's first places on a panel of 50, where hardly a pair is unanimous.

    python benchmarks/across/large_panel.py --out runs/large_panel.json

30 annotators prefer plain responses and 20 those with an emoji, on 400 prompts with two of each. An annotator
scores a response by its taste (2 for the preferred kind, else 0), the response's quality, which is the same
for all, and a normal error of its own. The columns differ in what orders the two responses of a kind:

- alike: a fixed order, which all ballots share;
- a dissenter: the same, but one annotator of the majority has it the other way round on every prompt;
- noise: errors (0.3) alone;
- quality: errors (0.3) and quality (0.1, also a standard deviation);
- clear quality: errors (0.3) and quality (0.3).

Two more columns are about 200 other prompts, of three responses: on every second one the groups have opposite
orders, on the others all agree (*common*), or all but one annotator of the majority (*common, a dissenter*).

A cell is the minority's share of the first places, or, in the last two columns, of the pairs that divide the
groups, which should be 0.40. Where the rule has the option and they differ, it gives the share with
``unit=graded_pair`` / with ``unit=contested_pair``. Under the rows, q is the agreement on pairs within a kind
under perpetual_pav with contested pairs, and 0.40 - 0.10 q what follows from it: let c be the share of the
contested pairs that divide the groups (4 of 6), u = (2 q) / 6 the satisfaction that both groups have from the
other two, and x the share of the prompts that the minority decides. Perpetual PAV keeps the ratio of the
satisfactions, x c + u and (1 - x) c + u, at 0.4 to 0.6, so x = 0.4 - 0.2 u / c.
"""

import argparse
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np

import rlchf
from rlchf import Rankings
from rlchf.rules import get_rule, list_rules

MAJORITY, MINORITY = 30, 20
CASES = {"alike": None, "a dissenter": None, "noise": 0.0, "quality": 0.1, "clear quality": 0.3}
"""The standard deviation of the quality, where there are errors."""
COMMON = {"common": 0, "common, a dissenter": 1}
"""The number of dissenters on the prompts on which the groups agree."""
SLOW = ("nash_welfare", "pav_welfare", "soft_nash")
"""Rules that go through the dataset many times, and do not aim at first places."""


def orders(case: str, prompts: int, seed: int) -> np.ndarray:
    """(T, A, 4) each annotator's order; responses 0 and 1 are plain, 2 and 3 have an emoji."""
    rng, people = np.random.default_rng(seed), MAJORITY + MINORITY
    taste = np.where(np.arange(people)[:, None] < MAJORITY, [2.0, 2, 0, 0], [0.0, 0, 2, 2])
    if case in ("alike", "a dissenter"):
        scores = np.broadcast_to(
            taste + np.array([0.02, 0.01, 0.02, 0.01]), (prompts, people, 4)
        ).copy()
        if case == "a dissenter":
            scores[:, 0] = [2.01, 2.02, 0.01, 0.02]
    else:
        quality = (CASES[case] or 0.0) * rng.standard_normal((prompts, 1, 4))
        scores = taste + quality + 0.3 * rng.standard_normal((prompts, people, 4))
    return np.argsort(-scores, axis=2, kind="stable")


def outcome(rule: str, ballots: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    """(T, M) the collective orders."""
    T, A, _ = ballots.shape
    rows = [(t, a, [[str(i)] for i in ballots[t, a]]) for t in range(T) for a in range(A)]
    result = rlchf.aggregate(Rankings.from_ballots(rows), rule, **options)
    return np.array([[int(block[0]) for block in result.ranking(t)] for t in range(T)])


def share_of_pairs(rule: str, dissenters: int, options: dict[str, Any]) -> float:
    """The minority's share of the pairs of the prompts on which the groups are opposed."""
    ballots = np.tile(np.arange(3), (200, MAJORITY + MINORITY, 1))
    ballots[::2, MAJORITY:] = [2, 1, 0]
    ballots[1::2, :dissenters] = [2, 1, 0]
    places = np.argsort(outcome(rule, ballots, options), axis=1)[::2]
    return float(np.mean([places[:, j] < places[:, i] for i in range(3) for j in range(i + 1, 3)]))


def measure(
    rule: str, ballots: np.ndarray, options: dict[str, Any] | None = None
) -> tuple[float, float]:
    """The minority's share of the first places, and the agreement on pairs within a kind."""
    ranks = np.argsort(ballots, axis=2)
    orders = outcome(rule, ballots, options or {})
    places = np.argsort(orders, axis=1)[:, None]
    same = [(ranks[..., i] < ranks[..., i + 1]) == (places[..., i] < places[..., i + 1])
            for i in (0, 2)]  # fmt: skip
    return float((orders[:, 0] >= 2).mean()), float(np.mean(same))


def cell(shares: list[float]) -> str:
    """Graded / contested pairs; one number if both are the same."""
    shown = [f"{share:.3f}" for share in shares]
    return " / ".join(shown if len(set(shown)) > 1 else shown[:1])


def main() -> None:
    """Measure, print, write."""
    across = [name for name, card in list_rules().items() if card.kind == "across prompts"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rules", nargs="+", default=[r for r in across if r not in SLOW])
    parser.add_argument("--prompts", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/large_panel.json"))
    arguments = parser.parse_args()
    ballots = {case: orders(case, arguments.prompts, arguments.seed) for case in CASES}
    units: dict[str, list[dict[str, Any]]] = {
        rule: [{"unit": u} for u in ("graded_pair", "contested_pair")]
        if "unit" in inspect.signature(get_rule(rule)).parameters
        else [{}]
        for rule in arguments.rules
    }
    results = {
        rule: {case: [measure(rule, ballots[case], o)[0] for o in units[rule]] for case in CASES}
        | {case: [share_of_pairs(rule, n, o) for o in units[rule]] for case, n in COMMON.items()}
        for rule in arguments.rules
    }
    old: dict[str, Any] = {"unit": "contested_pair"}
    q = {case: measure("perpetual_pav", ballots[case], old)[1] for case in list(CASES)[1:]}
    print("| rule | " + " | ".join([*CASES, *COMMON]) + " |\n" + "|---" * (len(CASES) + 3) + "|")
    for rule, cells in results.items():
        print(f"| {rule} | " + " | ".join(cell(shares) for shares in cells.values()) + " |")
    print("| *q* | | " + " | ".join(f"{value:.2f}" for value in q.values()) + " | | |")
    expected = (f"{0.4 - value / 10:.3f}" for value in q.values())
    print("| *0.40 - 0.10 q* | | " + " | ".join(expected) + " | | |")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"first": results, "q": q}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
