"""How often the audit's 95 % intervals of a group's position hold the true one, by simulation.

    python benchmarks/auditing/coverage.py --runs 400 --out coverage.json

Annotators of groups with stated tastes rank the responses to the same prompts. The truth is
about fresh annotators of the same groups and fresh prompts: their agreement with the outcome and with the
group's own ranking, pooled over all runs.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import rlchf
from rlchf.auditing import Grouping, standings
from rlchf.auditing._orders import above_in_optimal_orders

COLUMNS = ("intervals", "coverage", "width", "bias")
FRESH = 400  # fresh annotators per group behind the truth


@dataclass(frozen=True)
class Case:
    """A population: how many of each group are asked, how much tastes are shared, and how noisy they are."""

    name: str
    sizes: tuple[int, ...]
    common: float
    noise: float
    prompts: int = 30
    responses: int = 4
    people: float = 0.0  # differences between the people of a group that last over the prompts


CASES = [
    Case("two groups, 6 and 4", (6, 4), 1.0, 1.0),
    Case("two groups, 18 and 12", (18, 12), 1.0, 1.0),
    Case("two groups, 60 and 40", (60, 40), 1.0, 1.0),
    Case("three groups of 10", (10, 10, 10), 0.5, 1.5),
    Case("people differ", (24, 16), 1.0, 1.0, people=0.5),
    Case("noisy", (24, 16), 0.5, 3.0),
    Case("five groups", (40, 20, 12, 8, 8), 1.0, 1.5),
]


def tastes(case: Case, rng: np.random.Generator) -> np.ndarray:
    """(G, P, M) what each group thinks of the responses."""
    shape = len(case.sizes), case.prompts, case.responses
    return np.asarray(case.common * rng.normal(size=shape[1:]) + rng.normal(size=shape))


def scores(case: Case, taste: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, P, M) the scores of n annotators of a group; ``people`` is how strongly they hold their tastes."""
    strength = np.exp(case.people * rng.normal(size=(n, 1, 1)))
    return np.asarray(strength * taste + case.noise * rng.normal(size=(n, *taste.shape)))


def ballots_of(people: list[np.ndarray]) -> tuple[rlchf.Rankings, dict[str, str]]:
    """Rankings of all groups' annotators, and their groups."""
    rows, groups = [], {}
    for g, members in enumerate(people):
        for i, of_prompts in enumerate(members):
            name = f"g{g}-{i}"
            groups[name] = f"g{g}"
            for p, values in enumerate(of_prompts):
                rows.append((f"p{p:03}", name, " > ".join(f"r{r}" for r in np.argsort(-values))))
    return rlchf.Rankings.from_ballots(rows), groups


def fresh_sums(
    asked: list[np.ndarray], fresh: list[np.ndarray], ranks: np.ndarray
) -> list[np.ndarray]:
    """Per group, (3,) contested pairs on fresh ballots, and those in the outcome and the own ranking."""
    above = [values[..., :, None] > values[..., None, :] for values in asked]  # (n, P, M, M)
    wins = np.concatenate(above).sum(axis=0)
    contested = (wins > 0) & (wins.transpose(0, 2, 1) > 0)
    outcome = (1 + np.sign(ranks[:, None, :] - ranks[:, :, None])) / 2
    rows = []
    for own, values in zip(above, fresh, strict=True):
        stated = (values[..., :, None] > values[..., None, :]).mean(axis=0) * contested
        best = above_in_optimal_orders(own.sum(axis=0).astype(float))
        rows.append(np.array([stated.sum(), (stated * outcome).sum(), (stated * best).sum()]))
    return rows


def simulate(case: Case, runs: int, rule: str = "kemeny", seed: int = 0) -> dict[str, float]:
    """Share of the intervals that hold the truth, which is pooled over all runs; width and bias."""
    rng = np.random.default_rng(seed)
    rows, sums = [], np.zeros((len(case.sizes), 3))
    for _ in range(runs):
        of_groups = tastes(case, rng)
        asked = [scores(case, t, n, rng) for t, n in zip(of_groups, case.sizes, strict=True)]
        fresh = [scores(case, t, FRESH, rng) for t in of_groups]
        rankings, groups = ballots_of(asked)
        result = rlchf.aggregate(rankings, rule, threads=1)
        order = [np.argsort(rankings.responses(p)) for p in rankings.prompt_ids]
        ranks = result.response_ranks.reshape(case.prompts, case.responses)
        sums += fresh_sums(asked, fresh, np.take_along_axis(ranks, np.array(order), axis=1))
        rows.append(standings(rankings, result, Grouping.of(rankings, groups)))
    stated, agreed, best = sums.T
    known = {
        "agreed": agreed / stated,
        "best": best / stated,
        "position": (agreed - stated / 2) / (best - stated / 2),
    }
    figures: dict[str, float] = {}
    for name, truths in known.items():
        found = [
            (getattr(r, name), x) for of_run in rows for r, x in zip(of_run, truths, strict=True)
        ]
        found = [(e, x) for e, x in found if not np.isnan(e.value)]
        figures |= {
            f"{name}: intervals": len(found),
            f"{name}: coverage": float(np.mean([e.low <= x <= e.high for e, x in found])),
            f"{name}: width": float(np.mean([e.high - e.low for e, _ in found])),
            f"{name}: bias": float(np.mean([e.value - x for e, x in found])),
        }
    return figures


def main() -> None:
    """Simulate every case, print a table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400, help="Simulated datasets per case.")
    parser.add_argument("--rule", default="kemeny", help="Rule that makes the outcome.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed.")
    parser.add_argument("--out", default="", help="JSON file.")
    options = parser.parse_args()
    table = {}
    print(f"{'case':22} {'figure':9} {'intervals':>9} {'coverage':>9} {'width':>7} {'bias':>7}")
    for case in CASES:
        table[case.name] = simulate(case, options.runs, options.rule, options.seed)
        for name in ("agreed", "best", "position"):
            n, *row = (table[case.name][f"{name}: {what}"] for what in COLUMNS)
            figures = "{:9.3f} {:7.3f} {:+7.3f}".format(*row)
            print(f"{case.name:22} {name:9} {n:9} {figures}", flush=True)
    if options.out:
        Path(options.out).write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
