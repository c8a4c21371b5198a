"""The share of a minority in the labels, in the reward model, and in the policy.

    python benchmarks/share_audit
    python benchmarks/share_audit --model tiny
    python benchmarks/share_audit --model smollm2 --plan quick
    python benchmarks/share_audit --model tiny --plan shares
    python benchmarks/share_audit --model tiny --cell "60/40:kemeny:targets 0.5" --seeds 5

The first simulates ballots, aggregates them by several rules, fits a Bradley-Terry reward to the labels,
and computes the optimal policy under several regularisers, all exactly. The others train a language model,
as ``texts.py`` describes. Each prints a table and writes a JSON, and ``shares.png`` shows all JSONs in the
folder.

The populations of the exact part: 60/40, where each prompt has a plain response and one with an emoji,
and 50/30/20, where it has a plain one, one with an emoji and a terse one. Each of the groups likes its
own kind best and the others equally. There are ten annotators and 200 prompts. With probability 0.1
(``--noise``) a ballot is a strict order drawn at random instead. The prompts are exchangeable: their
responses differ in nothing but the kind, so that a reward model learns one number per kind.

The stages:

- ballots: share of the ballots that put a kind first, ties divided;
- labels: share of the prompts whose collective ranking puts a kind first, ties divided. For "pooled"
  nothing is aggregated: the labels are the ballots' pairs;
- reward: softmax of the Bradley-Terry rewards of the kinds that make the labels' pairs most likely, with
  half a win added to each side of a pair, so that they are finite;
- KL, beta: the policy with the largest reward minus beta times its divergence from the reference, which
  is uniform or set by ``--reference``;
- PM: preference matching, the largest reward plus entropy, whatever the reference;
- PPA: population-proportional, from the labels' win shares without a reward model.

The row "closed form" of a population is for labels that keep the shares s: there the optimal policy is
proportional to reference * s^(1/beta), and to s under preference matching. Intervals hold 95 % of the
values over new ballots, one set of ballots per seed.
"""

import argparse
import os
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ballots import (
    KINDS,
    POPULATIONS,
    PRIOR,
    RULES,
    Labels,
    ballots,
    labels_of,
    ranks_in_ballots,
    ranks_in_result,
)
from picture import CLOSED_FORM, picture
from rich.console import Console
from rich.table import Table

import rlchf
from rlchf.io.json import write_json
from rlchf.optima import (
    bradley_terry,
    kl_optimum,
    population_proportional,
    preference_matching,
    share_bounds,
    uniform,
)

BETAS = [1.0, 0.5, 0.2]


@dataclass(frozen=True)
class Cell:
    """A share of the smallest group's kind over the seeds: its mean and 95 % of its values."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Cell":
        """Sum values up."""
        low, high = np.quantile(values, [0.025, 0.975])
        return cls(float(np.mean(values)), float(low), float(high))

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.2f}-{self.high:.2f})"


# -- stages ----------------------------------------------------------------------------------------


def regularised(labels: Labels, reference: np.ndarray) -> dict[str, np.ndarray]:
    """The reward's shares, and the best policy under each regulariser: (M,) each."""
    rewards = bradley_terry(labels.wins, PRIOR)
    policies = {"reward": preference_matching(rewards)}
    for beta in BETAS:
        policies[f"KL {beta:g}"] = kl_optimum(reference, rewards, beta)
    policies["PM"] = preference_matching(rewards)
    policies["PPA"] = population_proportional(labels.shares())
    return policies


def closed_form(shares: np.ndarray, reference: np.ndarray) -> dict[str, np.ndarray]:
    """The closed form of every stage where the labels keep the shares."""
    stages = {name: shares for name in ("ballots", "labels", "reward")}
    for beta in BETAS:
        powers = reference * shares ** (1 / beta)
        stages[f"KL {beta:g}"] = powers / powers.sum()
    # Groups that are torn between the others' kinds: the bounds are the share and half of the rest's.
    halves = (1 + shares[:, None] - shares[None, :]) / 2
    np.fill_diagonal(halves, 0.5)
    bounds = share_bounds(halves)
    return stages | {"PM": shares, "PPA": bounds / bounds.sum()}


def bandit(seeds: int, prompts: int, noise: float, reference: float | None) -> list[dict[str, Any]]:
    """Every population under every rule: rows of the table."""
    rows: list[dict[str, Any]] = []
    for population, sizes in POPULATIONS.items():
        kinds, last = KINDS[: len(sizes)], len(sizes) - 1
        start = uniform(len(sizes))
        if reference is not None:
            start = np.array([(1 - reference) / last] * last + [reference])
        values: dict[str, dict[str, list[float]]] = {rule: {} for rule in RULES}
        for seed in range(seeds):
            rankings = ballots(sizes, prompts, noise, seed)
            pooled = labels_of(ranks_in_ballots(rankings, kinds))
            for rule, options in RULES.items():
                labels = pooled
                if options is not None:
                    result = rlchf.aggregate(rankings, rule, seed=seed, **options)
                    labels = labels_of(ranks_in_result(result, kinds))
                stages = {"ballots": pooled.firsts, "labels": labels.firsts}
                for name, shares in (stages | regularised(labels, start)).items():
                    values[rule].setdefault(name, []).append(float(shares[last]))
        exact = closed_form(np.array(sizes) / sum(sizes), start)
        rows.append(
            {
                "population": population,
                "rule": CLOSED_FORM,
                "shares": {name: asdict(Cell.of([x[last]])) for name, x in exact.items()},
            }
        )
        for rule, by_stage in values.items():
            cells = {name: asdict(Cell.of(each)) for name, each in by_stage.items()}
            rows.append({"population": population, "rule": rule, "shares": cells})
    return rows


# -- output ----------------------------------------------------------------------------------------


def table(rows: list[dict[str, Any]]) -> Table:
    """One line per population and rule; in brackets the closed form, where each rule has its own."""
    stages = list(dict.fromkeys(stage for row in rows for stage in row["shares"]))
    shares = Table(title="share of the smallest group's kind (95 %)")
    for name in ("population", "rule", *stages):
        shares.add_column(name, no_wrap=True)
    for n, row in enumerate(rows):
        cells = [shown(row["shares"].get(stage), row["rule"] == CLOSED_FORM) for stage in stages]
        ends = n + 1 == len(rows) or rows[n + 1]["population"] != row["population"]
        shares.add_row(row["population"], row["rule"], *cells, end_section=ends)
    return shares


def shown(cell: dict[str, float] | None, exact: bool) -> str:
    """A cell of the table."""
    if cell is None:
        return ""
    if exact:
        return f"{cell['mean']:.3f}"
    closed_form = f" \\[{cell['closed_form']:.2f}]" if "closed_form" in cell else ""
    return str(Cell(cell["mean"], cell["low"], cell["high"])) + closed_form


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--model",
        choices=["bandit", "tiny", "smollm2"],
        default="bandit",
        help="what the policy is",
    )
    parser.add_argument(
        "--plan",
        choices=["full", "quick", "shares"],
        default="full",
        help="language models, which cells: all; a few (60/40, Kemeny and perpetual PAV, beta 1 and 0.2, no "
        "targets); or KL penalties beside share targets, both populations and these two rules",
    )
    parser.add_argument(
        "--cell",
        action="append",
        default=[],
        help="language models: one cell of the table, such as '60/40:kemeny:targets 0.5'; repeatable",
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="language models: processes at a time"
    )
    parser.add_argument(
        "--seeds",
        type=int,
        help="how many sets of ballots, by default 20; with a language model how many runs of each cell, by "
        "default 1",
    )
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--noise", type=float, default=0.1, help="part of ballots drawn at random")
    parser.add_argument(
        "--reference",
        type=float,
        help="the smallest group's share before training; even by default",
    )
    parser.add_argument("--out", type=Path, default=Path("runs/share_audit"))
    arguments = parser.parse_args()
    began = time.monotonic()
    if arguments.model == "bandit":
        rows = bandit(
            arguments.seeds or 20, arguments.prompts, arguments.noise, arguments.reference
        )
    else:
        from case import plan_of
        from texts import texts  # needs torch

        plan = plan_of(arguments.cell, arguments.plan)
        rows = texts(arguments.model, plan, arguments.out, arguments.jobs, arguments.seeds or 1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = {name: value for name, value in vars(arguments).items() if name != "out"}
    settings["seconds"] = round(time.monotonic() - began, 1)
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    settings["cpu_seconds"] = round(sum(use.ru_utime + use.ru_stime for use in both), 1)
    name = f"{arguments.model}-cells" if arguments.cell else arguments.model
    write_json(arguments.out / f"{name}.json", {"settings": settings, "rows": rows})
    if not arguments.cell:
        picture(arguments.out)
    Console(width=300).print(table(rows))
    if any(name.startswith("targets") for row in rows for name in row["shares"]):
        from targets import targets_table

        print(targets_table(rows))


if __name__ == "__main__":
    main()
