"""How many rankings one late ballot changes under rules across prompts.

    python benchmarks/across/late_ballot.py --out runs/late_ballot.json

100 annotators, 60 of whom prefer one order of four responses and 40 the opposite, with swaps; 10 of them
rank each of 20,000 prompts. Then an annotator who was not asked adds a ballot on the first prompt, and the
dataset is aggregated again. A row gives the number of prompts whose ranking has changed, and the minority's
share of the first places before and after.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import rlchf
from rlchf import Rankings

RULES = ["kemeny", "cpb", "phragmen_credit", "perpetual_pav", "perpetual_quota"]


def ballots(prompts: int, seed: int) -> list[tuple[object, object, list[list[object]]]]:
    """The ballots, and last the late one."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[object, object, list[list[object]]]] = []
    present = [rng.permutation(100)[:11].tolist() for _ in range(prompts)]
    for t, who in enumerate(present):
        for person in who[:10]:
            order = [0, 1, 2, 3] if person < 60 else [3, 2, 1, 0]
            if rng.random() < 0.5:
                k = int(rng.integers(3))
                order[k], order[k + 1] = order[k + 1], order[k]
            rows.append((f"{t:06d}", person, [[response] for response in order]))
    late = present[0][10]
    order = [0, 1, 2, 3] if late < 60 else [3, 2, 1, 0]
    return [*rows, (f"{0:06d}", late, [[response] for response in order])]


def first_places(result: rlchf.Aggregation) -> float:
    """The share of the prompts whose first response is 2 or 3."""
    ranks = result.response_ranks.reshape(-1, 4)
    return float((ranks[:, 2:].min(axis=1) == 1).mean())


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rules", nargs="+", default=RULES)
    parser.add_argument("--prompts", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/late_ballot.json"))
    arguments = parser.parse_args()
    rows = ballots(arguments.prompts, arguments.seed)
    before, after = Rankings.from_ballots(rows[:-1]), Rankings.from_ballots(rows)
    results: list[dict[str, Any]] = []
    print("| rule | rankings changed | first places before / after |\n|---|---|---|")
    for rule in arguments.rules:
        one, other = (rlchf.aggregate(rankings, rule) for rankings in (before, after))
        differs = (one.response_ranks != other.response_ranks).reshape(-1, 4).any(axis=1)
        shares = first_places(one), first_places(other)
        results.append({"rule": rule, "changed": int(differs.sum()), "first": shares})
        print(f"| {rule} | {differs.sum():,} | {shares[0]:.3f} / {shares[1]:.3f} |", flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
