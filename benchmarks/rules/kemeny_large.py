"""The time of Kemeny's rule on one prompt with many responses, and whether it proves its order.

    python benchmarks/rules/kemeny_large.py --sizes 50 60 --limit 10 --seeds 1

draws ballots from the Mallows model (phi = 0.7) and from the impartial culture (phi = 1), the
hardest: its majorities form one cycle through nearly all responses. It solves each prompt with each
solver, prints a table, and writes a JSON. Seconds are processor time, including CBC's processes; the limit
is wall-clock time. A cell shows the largest time of the seeds and, if orders are not proved, their number
and the largest gap: the share of the cost that a better order might save.
"""

import argparse
import json
import os
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from rlchf.rules.kemeny import kemeny_orders
from rlchf.simulate import profiles as random_profiles

SOLVERS = ["highs", "cbc"] if find_spec("highspy") else ["cbc"]


def processor_seconds() -> float:
    """Processor time of this process and of those it started and waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def run_once(
    phi: float, ballots: int, size: int, seed: int, solver: str, limit: float
) -> dict[str, Any]:
    """Solve one prompt; its time, cost and bound."""
    profiles = random_profiles("mallows", 1, ballots, size, np.random.default_rng(seed), phi=phi)
    began, clock = processor_seconds(), time.monotonic()
    result = kemeny_orders(profiles, time_limit=limit, solver=solver)[0]  # type: ignore[arg-type]
    return {
        "phi": phi,
        "ballots": ballots,
        "responses": size,
        "seed": seed,
        "solver": solver,
        "seconds": round(processor_seconds() - began, 3),
        "clock": round(time.monotonic() - clock, 3),
        "cost": result.cost,
        "bound": result.bound,
        "proved": result.proved,
        "gap": result.gap,
    }


def cell(results: list[dict[str, Any]]) -> str:
    """The largest time of some results, and the largest gap if there is one."""
    seconds, gap = max(r["seconds"] for r in results), max(r["gap"] for r in results)
    unproved = sum(not r["proved"] for r in results)
    return f"{seconds:.2f}" + (f" ({unproved} unproved, {gap:.2%})" if unproved else "")


def table(results: list[dict[str, Any]]) -> Table:
    """One line per culture, electorate and solver, one column per size."""
    sizes = sorted({r["responses"] for r in results})
    shown = Table("culture", "ballots", "solver", *map(str, sizes), title="seconds by responses")
    lines = dict.fromkeys((r["phi"], r["ballots"], r["solver"]) for r in results)
    for line in sorted(lines, key=lambda line: (line[0], line[1], line[2] != "highs")):
        phi, ballots, solver = line
        of_line = [r for r in results if (r["phi"], r["ballots"], r["solver"]) == line]
        cells = [[r for r in of_line if r["responses"] == size] for size in sizes]
        culture = "impartial" if phi == 1 else f"Mallows {phi:g}"
        shown.add_row(culture, str(ballots), solver, *(cell(c) if c else "" for c in cells))
    return shown


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    sizes = [20, 30, 40, 50, 60, 70, 80, 100]
    parser.add_argument("--sizes", nargs="+", type=int, default=sizes)
    parser.add_argument("--ballots", nargs="+", type=int, default=[9, 21, 100])
    parser.add_argument("--phis", nargs="+", type=float, default=[0.7, 1.0])
    parser.add_argument("--limit", type=float, default=60.0, help="seconds per prompt")
    parser.add_argument("--seeds", type=int, default=3, help="prompts per cell")
    parser.add_argument("--solver", nargs="+", choices=["highs", "cbc"], default=SOLVERS)
    parser.add_argument("--out", type=Path, default=Path("runs/kemeny_large.json"))
    arguments = parser.parse_args()
    console, results = Console(), []
    for solver in arguments.solver:
        run_once(1.0, 9, 20, 0, solver, 1.0)  # import the solver before any time is taken
        for phi in arguments.phis:
            for ballots in arguments.ballots:
                for size in arguments.sizes:
                    for seed in range(arguments.seeds):
                        results.append(run_once(phi, ballots, size, seed, solver, arguments.limit))
                        console.print(json.dumps(results[-1]), soft_wrap=True)
                    arguments.out.parent.mkdir(parents=True, exist_ok=True)
                    arguments.out.write_text(json.dumps(results, indent=2) + "\n")
    console.print(table(results))


if __name__ == "__main__":
    main()
