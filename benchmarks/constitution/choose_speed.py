"""How long each rule takes to elect a slate in a large simulated conversation.

    OMP_NUM_THREADS=1 python benchmarks/constitution/choose_speed.py

Voters are in two groups, which differ on half of the statements; each sees statements drawn at random.
``tax_equal_shares`` counts in fractions and takes far longer than the others: name it with ``--rules``.
"""

import argparse
import time

import numpy as np

from rlchf.constitution.choosing.settings import SlateConfig
from rlchf.constitution.choosing.slates import CONSENSUS, RULES, Poll, elect
from rlchf.constitution.choosing.votes import UNSEEN, Votes


def conversation(n_voters: int, n_statements: int, n_seen: int, seed: int) -> Poll:
    """The votes of a simulated conversation with two groups."""
    rng = np.random.default_rng(seed)
    second = np.arange(n_voters) >= 0.6 * n_voters
    agree = rng.beta(2, 2, size=n_statements)
    other = np.where(rng.random(n_statements) < 0.5, agree, 1 - agree)
    chance = np.where(second[:, None], other, agree)  # (V, M)
    values = np.where(rng.random(chance.shape) < chance, 1, rng.integers(-1, 1, chance.shape))
    order = rng.random(chance.shape).argsort(axis=1)
    np.put_along_axis(values, order[:, n_seen:], UNSEEN, axis=1)
    statements = [f"s{n}" for n in range(n_statements)]
    voters = [f"v{n}" for n in range(n_voters)]
    votes = Votes(voters, statements, [f"{s} {s}" for s in statements], values.astype(np.int8))
    return Poll.of(votes, {"first": ~second, "second": second}, SlateConfig(k=1))


def main() -> None:
    """Print a row for each rule."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voters", type=int, default=1094)
    parser.add_argument("--statements", type=int, default=1127)
    parser.add_argument("--seen", type=int, default=34)
    parser.add_argument("-k", type=int, default=75)
    parser.add_argument("--seed", type=int, default=0)
    quick = [rule for rule in RULES if rule not in ("tax_equal_shares", CONSENSUS)]
    parser.add_argument("--rules", nargs="+", default=quick, choices=RULES)
    args = parser.parse_args()
    start = time.process_time()
    poll = conversation(args.voters, args.statements, args.seen, args.seed)
    print(f"estimates and ballots: {time.process_time() - start:.1f} s\n")
    print("| rule | seconds of CPU time |\n|---|---|")
    for rule in args.rules:
        start = time.process_time()
        elect(poll, SlateConfig(k=args.k, rule=rule))
        print(f"| {rule} | {time.process_time() - start:.1f} |", flush=True)


if __name__ == "__main__":
    main()
