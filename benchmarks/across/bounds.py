"""An adversarial search against what is said to be proved about rules across prompts.

    python benchmarks/across/bounds.py --steps 20000 --out runs/bounds.json

Each claim bounds a quantity of a dataset: by how much a group falls short of its share, for instance. The
search draws a dataset of some groups (their weights from 1 to 50, so that a group can be very small), some
prompts and 2 to 6 responses. It changes a weight, a prompt or the number of prompts at a time, and keeps the
change if the quantity does not fall; after 60 changes without a rise it begins again. Ballots are opposite to
another group's, equal to it but for one pair, or random, so that from 0 to all pairs are contested.
For each claim the table shows the largest quantity found, divided by the bound: above 1 the claim is refuted,
and the dataset is printed. Rows without "proved" are observations of the pages, with the largest value found.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import rlchf
from rlchf import Rankings

Order = tuple[int, ...]


@dataclass(frozen=True)
class Dataset:
    """Groups who are always present: their weights, and on each prompt a strict order of each group."""

    weights: tuple[int, ...]
    prompts: tuple[tuple[Order, ...], ...]

    @property
    def shares(self) -> np.ndarray:
        """(G,) each group's share of the weight."""
        return np.array(self.weights) / sum(self.weights)


@dataclass(frozen=True)
class Claim:
    """A bound: ``ratio`` is what it bounds divided by the bound, of a dataset and its outcomes.

    ``unit`` is the rule's option, by default what the rule has.
    """

    rule: str
    statement: str
    ratio: Callable[[Dataset, list[Order]], float]
    groups: tuple[int, int] = (2, 5)
    proved: bool = True
    same_contested: bool = False
    unit: str = ""


def rankings_of(dataset: Dataset) -> Rankings:
    """One annotator per group, with the group's weight."""
    rows = [
        (t, g, [[str(i)] for i in order])
        for t, orders in enumerate(dataset.prompts)
        for g, order in enumerate(orders)
    ]
    return Rankings.from_ballots(rows, [float(w) for _ in dataset.prompts for w in dataset.weights])


def outcomes(rule: str, dataset: Dataset, unit: str = "") -> list[Order]:
    """The collective order of each prompt."""
    options: dict[str, Any] = {"unit": unit} if unit else {}
    result = rlchf.aggregate(rankings_of(dataset), rule, **options)
    return [tuple(int(b[0]) for b in result.ranking(t)) for t in range(len(dataset.prompts))]


def agreement(dataset: Dataset, orders: list[Order]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(T, G) contested pairs won on each prompt, (T,) their number, and (T, G) all pairs won."""
    won, contested, agreed = [], [], []
    for ballots, order in zip(dataset.prompts, orders, strict=True):
        ranks = np.argsort(np.array(ballots), axis=1)  # (G, M)
        above = np.array([ranks[:, i] < ranks[:, j] for i, j in combinations(order, 2)])
        split = above.any(axis=1) & ~above.all(axis=1)
        won.append(above[split].sum(axis=0))
        contested.append(split.sum())
        agreed.append(above.sum(axis=0))
    return np.array(won), np.array(contested), np.array(agreed)


def largest(dataset: Dataset) -> int:
    """The largest number of responses to a prompt."""
    return max(len(orders[0]) for orders in dataset.prompts)


def shortfall_of_contested(dataset: Dataset, orders: list[Order]) -> float:
    """By how many contested pairs a group falls short of its share, at most, after any prompt."""
    won, contested, _ = agreement(dataset, orders)
    return float((np.cumsum(contested)[:, None] * dataset.shares - np.cumsum(won, axis=0)).max())


def graded_agreement(dataset: Dataset, orders: list[Order]) -> tuple[np.ndarray, np.ndarray]:
    """(T, G) and (T,) as the first two of `agreement`, each pair by the weight of its smaller side."""
    won, contested, shares = [], [], dataset.shares
    for ballots, order in zip(dataset.prompts, orders, strict=True):
        ranks = np.argsort(np.array(ballots), axis=1)
        above = np.array([ranks[:, i] < ranks[:, j] for i, j in combinations(order, 2)])
        smaller = np.minimum(above @ shares, ~above @ shares)
        grades = np.minimum(1.0, 10 * smaller) ** 2
        won.append(grades @ above)
        contested.append(grades.sum())
    return np.array(won), np.array(contested)


def graded_cpb_ratio(dataset: Dataset, orders: list[Order]) -> float:
    """The shortfall of contested pairs, each counted by its smaller side, by (G - 1)(M - 1)."""
    won, contested = graded_agreement(dataset, orders)
    short = (np.cumsum(contested)[:, None] * dataset.shares - np.cumsum(won, axis=0)).max()
    return float(short) / ((len(dataset.weights) - 1) * (largest(dataset) - 1))


def cpb_ratio(dataset: Dataset, orders: list[Order]) -> float:
    """The shortfall of contested pairs by (G - 1)(M - 1)."""
    bound = (len(dataset.weights) - 1) * (largest(dataset) - 1)
    return shortfall_of_contested(dataset, orders) / bound


def carry_psb_ratio(dataset: Dataset, orders: list[Order]) -> float:
    """The shortfall of all pairs by (G - 1)(M - 1)."""
    *_, agreed = agreement(dataset, orders)
    pairs = np.cumsum([len(order) * (len(order) - 1) // 2 for order in orders])
    short = (pairs[:, None] * dataset.shares - np.cumsum(agreed, axis=0)).max()
    return float(short) / ((len(dataset.weights) - 1) * (largest(dataset) - 1))


def pareto_ratio(dataset: Dataset, orders: list[Order]) -> float:
    """2 if a unanimous pair is decided the other way."""
    for ballots, order in zip(dataset.prompts, orders, strict=True):
        for i, j in combinations(order, 2):
            if all(ballot.index(j) < ballot.index(i) for ballot in ballots):
                return 2.0
    return 0.0


def credit_pairs_ratio(dataset: Dataset, orders: list[Order]) -> float:
    """The difference in contested pairs by half of the largest number of them on one prompt."""
    won, contested, _ = agreement(dataset, orders)
    off = np.abs(np.cumsum(won, axis=0) - np.cumsum(contested)[:, None] * dataset.shares)
    return float(off.max()) / (max(1, int(contested.max())) / 2)


def credit_firsts_ratio(dataset: Dataset, orders: list[Order]) -> float:
    """The difference in first places by 1/2, where the claim applies; 0 elsewhere.

    It applies as long as the groups differ in their favourite, the number of contested pairs is the same on
    all prompts with any, and the groups never have the same to spend.
    """
    won, contested, _ = agreement(dataset, orders)
    share, first, due, balance, worst = dataset.shares[0], 0, 0.0, 0.0, 0.0
    some = contested[contested > 0]
    for t, (one, other) in enumerate(dataset.prompts):
        if contested[t] == 0:
            continue
        to_spend = balance + (share - 0.5) * contested[t]
        if contested[t] != some[0] or one[0] == other[0] or abs(to_spend) < 1e-6:
            break
        balance += share * contested[t] - won[t, 0]
        due, first = due + share, first + (orders[t][0] == one[0])
        worst = max(worst, abs(first - due))
    return worst / 0.5


def dictator_ratio(dataset: Dataset, orders: list[Order]) -> float:
    """The difference between prompts decided and entitlement, by 1, where all ballots differ."""
    decided = np.array([[order == ballot for ballot in b]
                        for b, order in zip(dataset.prompts, orders, strict=True)])  # fmt: skip
    if (decided.sum(axis=1) != 1).any():
        return 0.0  # equal ballots: who decided cannot be told
    due = np.arange(1, len(orders) + 1)[:, None] * dataset.shares
    return float(np.abs(np.cumsum(decided, axis=0) - due).max())


CLAIMS = [
    Claim("cpb", "shortfall of contested pairs, each counted g, <= (G - 1)(M - 1)", graded_cpb_ratio),
    Claim("cpb", "the same with unit contested_pair, each counted 1", cpb_ratio, unit="contested_pair"),
    Claim("cpb", "unanimous pairs are kept", pareto_ratio),
    Claim("carry_psb", "shortfall of all pairs <= (G - 1)(M - 1)", carry_psb_ratio),
    Claim("phragmen_credit", "two groups: contested pairs within half of the most on a prompt",
          credit_pairs_ratio, (2, 2)),
    Claim("phragmen_credit", "two groups: first places within 1/2", credit_firsts_ratio, (2, 2),
          same_contested=True),
    Claim("apportioned_dictator", "prompts decided within 1 of the entitlement", dictator_ratio),
    Claim("equal_shares_pairs", "shortfall of contested pairs, each counted 1",
          shortfall_of_contested, proved=False,
          unit="contested_pair"),
    Claim("phragmen_pairs", "shortfall of contested pairs, each counted 1",
          shortfall_of_contested, proved=False,
          unit="contested_pair"),
    Claim("phragmen_credit", "three or more groups: shortfall of contested pairs by half of the most",
          credit_pairs_ratio, (3, 5), proved=False, unit="contested_pair"),
]  # fmt: skip
"""The sentences of the pages, in order."""


def random_orders(rng: np.random.Generator, groups: int, m: int, same: bool) -> tuple[Order, ...]:
    """A prompt: group after group random, opposite to the one before, or the same but for one pair."""
    orders = [rng.permutation(m).tolist()]
    while len(orders) < groups:
        order, kind = list(orders[-1]), rng.integers(4)
        if same or kind == 0:
            order[0], order[1] = order[1], order[0]
        elif kind == 1:
            order = order[::-1]
        elif kind == 2:
            k = int(rng.integers(m - 1))
            order[k], order[k + 1] = order[k + 1], order[k]
        else:
            order = rng.permutation(m).tolist()
        orders.append(order)
    return tuple(map(tuple, orders))


def random_dataset(rng: np.random.Generator, claim: Claim, most_prompts: int) -> Dataset:
    """A dataset of the claim's numbers of groups; often one kind of prompt that recurs."""
    groups = int(rng.integers(claim.groups[0], claim.groups[1] + 1))
    most = int(rng.choice([3, 10, 50]))
    weights = tuple(int(w) for w in rng.integers(1, most + 1, groups))
    kinds = []
    m = int(rng.integers(2, 7))
    for _ in range(int(rng.integers(1, 4))):
        m = m if claim.same_contested or rng.random() < 0.5 else int(rng.integers(2, 7))
        kinds.append(random_orders(rng, groups, m, claim.same_contested))
    n = int(rng.integers(1, most_prompts + 1))
    return Dataset(weights, tuple(kinds[int(k)] for k in rng.integers(0, len(kinds), n)))


def changed(rng: np.random.Generator, dataset: Dataset, claim: Claim, most_prompts: int) -> Dataset:
    """The dataset with one thing changed."""
    prompts, groups = list(dataset.prompts), len(dataset.weights)
    kind, t = rng.integers(4), int(rng.integers(len(prompts)))
    if kind == 0:
        weights = list(dataset.weights)
        weights[int(rng.integers(groups))] = int(rng.integers(1, 51))
        return replace(dataset, weights=tuple(weights))
    if kind == 1:
        prompts[t] = prompts[int(rng.integers(len(prompts)))]
    elif kind == 2:
        m = len(prompts[t][0]) if claim.same_contested else int(rng.integers(2, 7))
        prompts[t] = random_orders(rng, groups, m, claim.same_contested)
    else:
        extra = [prompts[int(k)] for k in rng.integers(0, len(prompts), 4)]
        prompts = (prompts + extra)[:most_prompts]
    return replace(dataset, prompts=tuple(prompts))


def search(claim: Claim, steps: int, seed: int, most_prompts: int = 60) -> tuple[float, Dataset]:
    """The largest ratio found in a number of steps, and its dataset."""
    rng = np.random.default_rng(seed)
    best, found = -1.0, random_dataset(rng, claim, most_prompts)
    here, ratio, idle = found, -1.0, 60
    for _ in range(steps):
        fresh = idle >= 60
        trial = (
            random_dataset(rng, claim, most_prompts)
            if fresh
            else changed(rng, here, claim, most_prompts)
        )
        value = claim.ratio(trial, outcomes(claim.rule, trial, claim.unit))
        idle = 0 if fresh or value > ratio + 1e-12 else idle + 1
        if fresh or value >= ratio:
            here, ratio = trial, value
        if value > best:
            best, found = value, trial
    return best, found


def row(claim: Claim, best: float, dataset: Dataset, steps: int) -> dict[str, Any]:
    """What the table and the file say about a claim."""
    return {
        "rule": claim.rule, "statement": claim.statement, "proved": claim.proved, "steps": steps,
        "largest": best, "weights": dataset.weights, "prompts": dataset.prompts,
    }  # fmt: skip


def main() -> None:
    """Search, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=20_000, help="datasets per claim")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/bounds.json"))
    arguments = parser.parse_args()
    rows = []
    print("| rule | statement | | largest found |\n|---|---|---|---|")
    for claim in CLAIMS:
        best, dataset = search(claim, arguments.steps, arguments.seed)
        rows.append(row(claim, best, dataset, arguments.steps))
        kind = "proved" if claim.proved else "observed"
        print(f"| {claim.rule} | {claim.statement} | {kind} | {best:.3f} |", flush=True)
        if claim.proved and best > 1 + 1e-9:
            print(f"refuted by weights {dataset.weights}, prompts {dataset.prompts}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
