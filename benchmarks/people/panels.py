"""How long panels by sortition take, and how fair they are, on pools of the published sizes.

    python benchmarks/people/panels.py
    python benchmarks/people/panels.py --pool sf_e --seed 1
    python benchmarks/people/panels.py --files categories.csv respondents.csv --size 20

The pools of B. Flanigan et al. (2021) are not public, but their sizes, panels and numbers of columns are;
people are simulated here: each column has two to six categories, whose shares among those who volunteer
differ from the population's, by which the quotas are set. A row gives the number of types of people, the
seconds of one core, the panels in the lottery, the least inclusion probability, its bound, and the mean.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from rlchf.people.sortition import Quota, draw_panel

POOLS = {
    "mass": (70, 24, 5),
    "sf_c": (161, 44, 7),
    "hd": (239, 30, 7),
    "sf_b": (250, 20, 6),
    "sf_a": (312, 35, 6),
    "obf": (321, 30, 8),
    "nexus": (342, 170, 5),
    "sf_d": (404, 40, 6),
    "cca": (825, 75, 4),
    "sf_e": (1727, 110, 7),
    "large": (2000, 100, 4),
}
"""People, seats and columns with quotas; all but the last are published."""

Pool = tuple[dict[str, list[str]], list[Quota]]


def simulated(people: int, size: int, columns: int, rng: np.random.Generator) -> Pool:
    """A pool of volunteers, and quotas by the population."""
    features: dict[str, list[str]] = {}
    quotas = []
    for j in range(columns):
        names = [f"c{i}" for i in range(rng.integers(2, 7))]
        population = rng.dirichlet(np.full(len(names), 5.0))
        volunteers = population * rng.lognormal(0, 0.5, len(names))
        cells = rng.choice(names, people, p=volunteers / volunteers.sum()).tolist()
        features[f"column {j}"] = cells
        for name, share in zip(names, population, strict=True):
            least = min(int(np.floor(0.95 * share * size)), int(0.7 * cells.count(name)))
            most = int(np.ceil(1.05 * share * size)) + 1
            quotas.append(Quota(f"column {j}", name, least, most))
    return features, quotas


def read(categories: Path, respondents: Path) -> Pool:
    """A pool in the files of the published code: category, feature, min, max; and a row for each person."""
    with categories.open(encoding="utf-8") as file:
        quotas = [
            Quota(row["category"], row["feature"], int(row["min"]), int(row["max"]))
            for row in csv.DictReader(file)
        ]
    with respondents.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}, quotas


def measure(name: str, pool: Pool, size: int) -> None:
    """Print a row for each method."""
    features, quotas = pool
    people = len(next(iter(features.values())))
    types = len(set(zip(*features.values(), strict=True)))
    for method in ("systematic", "maximin", "leximin"):
        began = time.process_time()
        selection = draw_panel(features, quotas, size, method=method)
        seconds, lottery = time.process_time() - began, selection.lottery
        panels, bound = (len(lottery.panels), f"{lottery.bound:.6f}") if lottery else ("", "")
        kept = sum(not seats.kept for seats in selection.seats)
        print(
            f"| {name} | {people:,} | {size} | {types} | {method} | {seconds:.1f} | {panels} "
            f"| {selection.least:.6f} | {bound} | {size / people:.4f} | {kept} |",
            flush=True,
        )


def main() -> None:
    """Measure the pools."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pool", choices=list(POOLS), action="append")
    parser.add_argument("--files", type=Path, nargs=2, help="categories and respondents, as csv")
    parser.add_argument("--size", type=int, default=20, help="seats, for --files")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(
        "| pool | people | seats | types | method | seconds | panels | least | bound | mean | missed |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    if args.files:
        measure(args.files[1].parent.name, read(*args.files), args.size)
        return
    for name in args.pool or POOLS:
        people, size, columns = POOLS[name]
        rng = np.random.default_rng([args.seed, people])
        measure(name, simulated(people, size, columns, rng), size)


if __name__ == "__main__":
    main()
