"""Whom the flag for random clickers finds, and whom it flags wrongly, on planted people.

    python benchmarks/people/clickers.py --runs 10 --out clickers.json

A majority, a minority and clickers rank responses. The responses' values are normal, the minority's are the
opposite or independent of the majority's (or there are four minorities with tastes of their own), and
everybody adds normal noise: two people of one taste have scores with the stated correlation, and some people
are noisier than others. Prints a Markdown table.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import rlchf
from rlchf.people.clickers import find_clickers
from rlchf.people.votes import PairVotes, pair_responses

MAJORITY, MINORITY, CLICKER = 0, 1, 2
UNEVEN = 0.3  # standard deviation of the logarithm of people's noise


@dataclass(frozen=True)
class Design:
    """How many people there are, and how many prompts each of them ranks."""

    people: int
    prompts: int
    ballots: int
    correlation: float
    responses: int = 4
    groups: bool = False  # whether the flag is told who is of the minority

    @property
    def name(self) -> str:
        """The design in words."""
        told = ", groups given" if self.groups else ""
        return f"{self.people} people, {self.ballots} ballots each, {self.correlation}{told}"


DESIGNS = [
    Design(300, 100, 100, 0.5),
    Design(300, 100, 100, 0.3),
    Design(300, 1000, 100, 0.5),
    Design(300, 1000, 100, 0.5, groups=True),
    Design(50, 200, 200, 0.5),
]

KINDS = [
    ("none", 0.0),
    ("opposite", 0.1),
    ("orthogonal", 0.03),
    ("orthogonal", 0.1),
    ("orthogonal", 0.4),
    ("four other tastes", 0.8),
]


@dataclass(frozen=True)
class Rates:
    """Shares of the people who were flagged, over all runs, and the power that the flag itself states."""

    design: str
    minority: str
    share: float
    majority_flagged: float
    minority_flagged: float
    clickers_flagged: float
    power_stated: float
    runs: int


def draw(
    design: Design, kind: str, share: float, rng: np.random.Generator
) -> tuple[rlchf.Rankings, np.ndarray]:
    """Rankings, and (A,) the roles of their annotators."""
    n = design.people
    roles = np.full(n, MAJORITY)
    minority, clickers = round(share * n), max(2, round(0.04 * n))
    roles[:minority], roles[minority : minority + clickers] = MINORITY, CLICKER
    if kind == "four other tastes":
        roles[:minority] = np.resize([MINORITY, 3, 4, 5], minority)
    tastes = rng.standard_normal((6, design.prompts, design.responses))
    if kind == "opposite":
        tastes[MINORITY] = -tastes[MAJORITY]
    tastes[CLICKER] = 0
    prompts = [rng.choice(design.prompts, design.ballots, replace=False) for _ in range(n)]
    p, a = np.concatenate(prompts), np.repeat(np.arange(n), design.ballots)
    noise = np.sqrt(1 / design.correlation - 1) * np.exp(UNEVEN * rng.standard_normal(n))
    scores = tastes[roles[a], p] + noise[a][:, None] * rng.standard_normal(
        (len(a), design.responses)
    )
    rankings = rlchf.Rankings.from_frame(
        {
            "prompt_id": np.repeat(p, design.responses),
            "annotator_id": np.repeat(a, design.responses),
            "response_id": np.tile(np.arange(design.responses), len(a)),
            "score": scores.ravel(),
        }
    )
    return rankings, roles[np.array(rankings.annotator_ids, dtype=int)]


def rates(design: Design, kind: str, share: float, runs: int, seed: int = 0) -> Rates:
    """Flag people in several simulations of one design."""
    flagged: list[np.ndarray] = []
    roles: list[np.ndarray] = []
    powers = []
    for run in range(runs):
        rankings, of_run = draw(design, kind, share, np.random.default_rng([seed, run]))
        groups = np.where(of_run == CLICKER, np.arange(len(of_run)) % 2, of_run)
        owners: Sequence[np.ndarray] = [groups] if design.groups else []
        found = find_clickers(
            PairVotes.of(rankings),
            pair_responses(rankings),
            owners,
            seed=run,
        )
        flagged.append(found.flagged)
        roles.append(of_run)
        powers.append(found.errors.power if found.errors else 0.0)
    flags, role = np.concatenate(flagged), np.concatenate(roles)
    majority, minority, clickers = (
        float(flags[of].mean()) if of.any() else float("nan")
        for of in (role == MAJORITY, (role != MAJORITY) & (role != CLICKER), role == CLICKER)
    )
    power = float(np.mean(powers))
    return Rates(design.name, kind, share, majority, minority, clickers, power, runs)


def main() -> None:
    """Print the table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--designs", type=int, default=len(DESIGNS), help="the first of them only")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    print(
        "| design | minority | majority flagged | minority flagged | clickers found | power stated |"
    )
    print("|---|---|---|---|---|---|")
    found = []
    for design in DESIGNS[: options.designs]:
        for kind, share in KINDS:
            row = rates(design, kind, share, options.runs)
            found.append(row)
            kind_of = "none" if kind == "none" else f"{100 * share:.0f} %, {kind}"
            cells = [
                row.majority_flagged,
                row.minority_flagged,
                row.clickers_flagged,
                row.power_stated,
            ]
            figures = ["-" if np.isnan(x) else f"{100 * x:.1f} %" for x in cells]
            print(f"| {row.design} | {kind_of} | {' | '.join(figures)} |", flush=True)
    if options.out:
        options.out.write_text(json.dumps([asdict(row) for row in found], indent=1))


if __name__ == "__main__":
    main()
