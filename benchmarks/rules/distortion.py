"""How much average utility rules lose because they read orders.

    python benchmarks/rules/distortion.py --out runs/distortion.json

Annotators have utilities from 0 to 1 for four responses: most of them small ones, every tenth a large one for
a response of its own. They rank by utility times beta plus Gumbel noise, so that they prefer one of two
responses as the Bradley-Terry model says. A rule's outcome is its winner (tied winners share the
probability), or its lottery. The columns show the mean and the largest distortion of the outcome by the known
utilities, and the mean of the largest over all utilities that fit the ballots and add up to 1 on each.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from rlchf import Profiles
from rlchf.auditing import distortion, worst_distortion
from rlchf.rules import get_rule

RESPONSES, ANNOTATORS = 4, 100
LOTTERIES = {
    "maximal_lottery": "maximal_lottery",
    "proportional_borda": "proportional_borda",
    "random_dictator": "plurality",  # its chances are the shares of the first places
}
RULES = ["borda", "kemeny", "schulze", "plurality", "instant_runoff", *LOTTERIES]


def drawn_utilities(rng: np.random.Generator) -> np.ndarray:
    """(A, M): small ones that most share, and for every tenth annotator 1 for one response."""
    table = 0.1 * rng.random(RESPONSES) + 0.1 * rng.random((ANNOTATORS, RESPONSES))
    table[::10] = np.eye(RESPONSES)[rng.integers(RESPONSES, size=ANNOTATORS // 10)]
    return np.asarray(table)


def profiles_of(utilities: np.ndarray, beta: float, rng: np.random.Generator) -> Profiles:
    """A batch of (B, A, M) utilities as rankings."""
    B, A, M = utilities.shape
    noisy = beta * utilities + rng.gumbel(size=utilities.shape)
    ranks = (-noisy).argsort(axis=2).argsort(axis=2) + 1
    return Profiles(
        ranks=np.ascontiguousarray(ranks.transpose(2, 0, 1).reshape(M, B * A).astype(np.int16)),
        starts=np.arange(B + 1) * A,
        weights=np.ones(B * A),
        annotators=np.tile(np.arange(A), B),
    )


def chances(rule: str, profiles: Profiles) -> np.ndarray:
    """(B, M) the probability of each response."""
    scores = np.asarray(get_rule(LOTTERIES.get(rule, rule))(profiles))
    if rule not in LOTTERIES:
        scores = (scores == scores.max(axis=1, keepdims=True)) * 1.0
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def main() -> None:
    """Draw, aggregate, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--betas", type=float, nargs="+", default=[2.0, 8.0, 32.0])
    parser.add_argument("--rules", nargs="+", default=RULES)
    parser.add_argument("--out", type=Path, default=Path("runs/distortion.json"))
    arguments = parser.parse_args()
    rows = {rule: {"rule": rule} for rule in arguments.rules}
    for beta in arguments.betas:
        rng = np.random.default_rng(0)
        utilities = np.stack([drawn_utilities(rng) for _ in range(arguments.prompts)])
        profiles = profiles_of(utilities, beta, rng)
        for rule in arguments.rules:
            outcome = chances(rule, profiles)
            known = [distortion(u, c) for u, c in zip(utilities, outcome, strict=True)]
            worst = worst_distortion(profiles, outcome)
            rows[rule][f"beta = {beta:g}"] = (
                f"{np.mean(known):.3f} / {np.max(known):.2f} / {np.mean(worst):.2f}"
            )
    head = list(next(iter(rows.values())))
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows.values():
        print(f"| {' | '.join(row.values())} |")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(list(rows.values()), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
