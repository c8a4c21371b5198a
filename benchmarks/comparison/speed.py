"""How long the bootstrap of twenty rules takes, and what the least work of it takes.

    python benchmarks/comparison/speed.py
    python benchmarks/comparison/speed.py --sizes 1000x20x5 --replicates 200

Sizes are prompts x ballots x responses. The floor draws the resamples, counts their wins and scores them
by Borda's rule, once: what every rule beyond it adds is its own work. Processor time is that of all threads.
"""

import argparse
import time
import warnings

import numpy as np

import rlchf
from rlchf import Rankings
from rlchf.comparison.rules import distances
from rlchf.comparison.stability import stability

RULES = (
    "baldwin", "black", "borda", "bucklin", "coombs", "copeland", "dowdall", "instant_runoff",
    "k_approval", "kemeny", "llull", "minimax", "nanson", "plurality", "ranked_pairs", "schulze",
    "slater", "smith", "split_cycle", "veto",
)  # fmt: skip


def drawn(prompts: int, ballots: int, responses: int, seed: int = 0) -> Rankings:
    """Plackett-Luce ballots: 100 people or more, of whom some rank the responses of each prompt."""
    rng = np.random.default_rng(seed)
    people = max(100, ballots)
    utility = 0.7 * rng.normal(size=(prompts, 1, responses))
    order = np.argsort(-(utility + rng.gumbel(size=(prompts, ballots, responses))), axis=2)
    ranks = np.argsort(order, axis=2) + 1
    who = rng.random((prompts, people)).argpartition(ballots, axis=1)[:, :ballots]
    p, v, r = (axis.ravel() for axis in np.indices(ranks.shape))
    return Rankings.from_frame(
        {
            "prompt_id": [f"p{n}" for n in p],
            "annotator_id": [f"a{n}" for n in who[p, v]],
            "response_id": [f"r{n}" for n in r],
            "rank": ranks.ravel().tolist(),
        }
    )


def timed(rankings: Rankings, rules: tuple[str, ...], replicates: int) -> tuple[float, float]:
    """Seconds by the clock and of processors that the bootstrap takes."""
    results = {rule: rlchf.aggregate(rankings, rule) for rule in rules}
    clock, work = time.perf_counter(), time.process_time()
    measured = stability(rankings, results, replicates)
    assert not measured.notes, measured.notes
    return time.perf_counter() - clock, time.process_time() - work


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["1000x20x5", "20000x7x4"])
    parser.add_argument("--replicates", type=int, default=200)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'size':>12} {'rules':>6} {'clock s':>8} {'processor s':>12}")
    for size in options.sizes:
        rankings = drawn(*map(int, size.split("x")))
        for rules in (("borda",), RULES):
            clock, work = timed(rankings, rules, options.replicates)
            print(f"{size:>12} {len(rules):>6} {clock:>8.1f} {work:>12.1f}", flush=True)
        results = {rule: rlchf.aggregate(rankings, rule) for rule in RULES}
        clock, work = time.perf_counter(), time.process_time()
        distances(rankings, results)
        done = time.perf_counter() - clock, time.process_time() - work
        print(f"{size:>12} {'distances':>9} {done[0]:>5.1f} {done[1]:>12.1f}", flush=True)


if __name__ == "__main__":
    main()
