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

A cell is the minority's share of the first places, which should be 0.40. Under the rows, q is the agreement
on pairs within a kind under perpetual_pav, and 0.40 - 0.10 q what follows from it: let c be the share of the
contested pairs that divide the groups (4 of 6), u = (2 q) / 6 the satisfaction that both groups have from the
other two, and x the share of the prompts that the minority decides. Perpetual PAV keeps the ratio of the
satisfactions, x c + u and (1 - x) c + u, at 0.4 to 0.6, so x = 0.4 - 0.2 u / c.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import rlchf
from rlchf import Rankings
from rlchf.rules import list_rules

MAJORITY, MINORITY = 30, 20
CASES = {"alike": None, "a dissenter": None, "noise": 0.0, "quality": 0.1, "clear quality": 0.3}
"""The standard deviation of the quality, where there are errors."""
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


def measure(rule: str, ballots: np.ndarray) -> tuple[float, float]:
    """The minority's share of the first places, and the agreement on pairs within a kind."""
    T, A, _ = ballots.shape
    rows = [(t, a, [[str(i)] for i in ballots[t, a]]) for t in range(T) for a in range(A)]
    result = rlchf.aggregate(Rankings.from_ballots(rows), rule)
    ranks = np.argsort(ballots, axis=2)
    outcome = np.array([[int(block[0]) for block in result.ranking(t)] for t in range(T)])
    places = np.argsort(outcome, axis=1)[:, None]
    same = [(ranks[..., i] < ranks[..., i + 1]) == (places[..., i] < places[..., i + 1])
            for i in (0, 2)]  # fmt: skip
    return float((outcome[:, 0] >= 2).mean()), float(np.mean(same))


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
    results = {
        rule: {case: measure(rule, ballots[case])[0] for case in CASES} for rule in arguments.rules
    }
    q = {case: measure("perpetual_pav", ballots[case])[1] for case in list(CASES)[1:]}
    print("| rule | " + " | ".join(CASES) + " |\n" + "|---" * (len(CASES) + 1) + "|")
    for rule, cells in results.items():
        print(f"| {rule} | " + " | ".join(f"{share:.3f}" for share in cells.values()) + " |")
    print("| *q* | | " + " | ".join(f"{value:.2f}" for value in q.values()) + " |")
    expected = (f"{0.4 - value / 10:.3f}" for value in q.values())
    print("| *0.40 - 0.10 q* | | " + " | ".join(expected) + " |")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"first": results, "q": q}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
