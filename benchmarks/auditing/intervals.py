"""How often the audit's 95 % intervals hold the truth, by simulation.

    python benchmarks/auditing/intervals.py --runs 150
    python benchmarks/auditing/intervals.py --runs 80 --shares
    python benchmarks/auditing/intervals.py --runs 60 --in-sample

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
from rlchf.auditing import trace_shares
from rlchf.auditing._left_out import FOLDS, POSITIONS
from rlchf.auditing._orders import above_in_optimal_orders
from rlchf.auditing.estimates import Estimate

Table = dict[str, dict[str, float]]
ALL = "all: "
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
    opposed: bool = False  # whether the second group wants the opposite of the first
    drawn: bool = False  # whether the sizes are drawn, and nobody knows the groups


CASES = [
    Case("three people", (2, 1), 1.0, 1.0, drawn=True),
    Case("five people", (3, 2), 1.0, 1.0, drawn=True),
    Case("ten people", (6, 4), 1.0, 1.0, drawn=True),
    Case("thirty people", (18, 12), 1.0, 1.0, drawn=True),
    Case("two groups, 6 and 4", (6, 4), 1.0, 1.0),
    Case("two groups, 18 and 12", (18, 12), 1.0, 1.0),
    Case("two groups, 60 and 40", (60, 40), 1.0, 1.0),
    Case("three groups of 10", (10, 10, 10), 0.5, 1.5),
    Case("people differ", (24, 16), 1.0, 1.0, people=0.5),
    Case("opposed, 18 and 12", (18, 12), 0.0, 1.0, opposed=True),
    Case("noisy", (24, 16), 0.5, 3.0),
    Case("five groups", (40, 20, 12, 8, 8), 1.0, 1.5),
]


def tastes(case: Case, rng: np.random.Generator) -> np.ndarray:
    """(G, P, M) what each group thinks of the responses."""
    shape = len(case.sizes), case.prompts, case.responses
    of_groups = case.common * rng.normal(size=shape[1:]) + rng.normal(size=shape)
    if case.opposed:
        of_groups[1] = -of_groups[0]
    return np.asarray(of_groups)


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


@dataclass(frozen=True)
class Asked:
    """One simulated dataset, and fresh annotators of the same groups."""

    rankings: rlchf.Rankings
    groups: dict[str, str]
    scores: list[np.ndarray]
    fresh: list[np.ndarray]

    @classmethod
    def draw(cls, case: Case, rng: np.random.Generator) -> "Asked":
        """Draw tastes, annotators and fresh annotators."""
        of_groups = tastes(case, rng)
        sizes = np.array(case.sizes)
        if case.drawn:
            sizes = rng.multinomial(sizes.sum(), sizes / sizes.sum())
        asked = [scores(case, t, n, rng) for t, n in zip(of_groups, sizes, strict=True)]
        parts = np.array(case.sizes) / min(case.sizes)
        fresh = [
            scores(case, t, int(FRESH * part), rng)
            for t, part in zip(of_groups, parts, strict=True)
        ]
        if case.drawn:
            asked, fresh = ([np.concatenate(people)] for people in (asked, fresh))
            asked = [rng.permutation(asked[0])]
        return cls(*ballots_of(asked), asked, fresh)

    def truths(self, rule: str) -> np.ndarray:
        """(G, 10) sums over fresh ballots, by group, of outcomes by everybody but one member of the group."""
        return np.array([self._truth(g, rule) for g in range(len(self.scores))])

    def _truth(self, g: int, rule: str) -> list[float]:
        """Sums of a group; the rest of it has the weight of the whole group."""
        n = len(self.scores[g])
        if n < 2:
            return [0.0] * 10
        rest = [of_group[: n - 1] if h == g else of_group for h, of_group in enumerate(self.scores)]
        rankings, groups = ballots_of(rest)
        weights = {name: n / (n - 1) if group == f"g{g}" else 1.0 for name, group in groups.items()}
        result = rlchf.aggregate(rankings.weighted(weights), rule, threads=1)
        order = [np.argsort(rankings.responses(p)) for p in rankings.prompt_ids]
        P, M = self.scores[g].shape[1:]
        ranks = np.take_along_axis(result.response_ranks.reshape(P, M), np.array(order), axis=1)
        outcome = (1 + np.sign(ranks[:, None, :] - ranks[:, :, None])) / 2
        first = (ranks == 1) / (ranks == 1).sum(axis=1, keepdims=True)
        wins = [above(of_group).sum(axis=0).astype(float) for of_group in rest]
        total = np.sum(wins, axis=0)
        contested = (total > 0) & (total.transpose(0, 2, 1) > 0)
        of_fresh = [above(of_group).sum(axis=0) for of_group in self.fresh]
        every, stated = of_fresh[g], of_fresh[g] * contested
        outside = np.sum(of_fresh, axis=0) * contested - stated
        best, others = (above_in_optimal_orders(x) for x in (wins[g], total - wins[g]))
        tops = np.eye(M)[self.fresh[g].argmax(axis=2)].sum(axis=0)  # (P, M)
        pairs = [(every * outcome).sum(), every.sum(), (stated * outcome).sum(), stated.sum()]
        firsts = [(tops * first).sum(), tops.sum()]
        more = [(stated * best).sum(), (stated * others).sum(), (outside * (outcome - best)).sum()]
        return [*pairs, *firsts, *more, outside.sum()]


def above(values: np.ndarray) -> np.ndarray:
    """(n, P, M, M) whether each annotator ranks i above j."""
    return np.asarray(values[..., :, None] > values[..., None, :])


def known_figures(sums: np.ndarray, shares: np.ndarray) -> dict[str, dict[str, float]]:
    """Every figure by group, and for all, from sums over fresh ballots and the groups' weights."""
    out = {}
    names = [f"g{g}" for g in range(len(sums))]
    for name, row, share in zip(
        [*names, "all"], [*sums, sums.sum(axis=0)], [*shares, 1.0], strict=True
    ):
        agreed, stated, contested, whole, first, ballots, best, others, lost, outside = row
        out[name] = {
            "pairs": agreed / stated,
            "contested": contested / whole,
            "first_place": first / ballots,
            "representation_ratio": contested / whole / share,
            "agreed": contested / whole,
            "best": best / whole,
            "others": others / whole,
            "position": (contested - whole / 2) / (best - whole / 2),
            "cost": lost / outside if outside else float("nan"),
        }
    return out


def estimates(
    asked: Asked, result: rlchf.Aggregation, folds: int
) -> list[tuple[str, str, Estimate]]:
    """Every figure of an audit with its interval: group, name and estimate."""
    groups = asked.groups if len(asked.scores) > 1 else None
    report = rlchf.audit(asked.rankings, result, groups, baselines=True, folds=folds)
    rows = [(i.name, i.measure, Estimate(i.value, i.low, i.high)) for i in report.intervals]
    for row in report.standings:
        rows += [(row.name, name, getattr(row, name)) for name in POSITIONS]
    return rows


def simulate(
    case: Case, runs: int, rule: str = "kemeny", seed: int = 0, folds: int = FOLDS
) -> Table:
    """By figure: the share of the intervals that hold the truth, which is pooled over all runs."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, Estimate]] = []
    sums = np.zeros((1 if case.drawn else len(case.sizes), 10))
    for _ in range(runs):
        asked = Asked.draw(case, rng)
        result = rlchf.aggregate(asked.rankings, rule, threads=1)
        sums = sums + asked.truths(rule)
        rows += estimates(asked, result, folds)
    sizes = np.array([1] if case.drawn else case.sizes)
    truths = known_figures(sums, sizes / sizes.sum())
    figures = {}
    for figure in dict.fromkeys(f"{ALL if name == 'all' else ''}{kind}" for name, kind, _ in rows):
        found = [
            (e, truths[name][kind])
            for name, kind, e in rows
            if figure == f"{ALL if name == 'all' else ''}{kind}" and not np.isnan(e.low)
        ]
        everywhere = len(found) > runs / 2  # and not only where a chance made it defined
        if everywhere:
            figures[figure] = {
                "intervals": len(found),
                "coverage": float(np.mean([e.low <= x <= e.high for e, x in found])),
                "width": float(np.mean([e.high - e.low for e, _ in found])),
                "bias": float(np.mean([e.value - x for e, x in found])),
            }
    return figures


def draw_labelled(
    prompts: int, differ: bool, rng: np.random.Generator
) -> tuple[rlchf.Rankings, dict[str, str], dict[str, dict[str, str]]]:
    """Ten people of whom four like emojis rank two responses with one and two without, with noise."""
    people, quality = [], rng.normal(size=(prompts, 4))
    for i in range(10):
        liking = (1.0 if i < 4 else -1.0) * (rng.uniform(0.2, 1.8) if differ else 1.0)
        people.append(quality + liking * np.array([1, 1, -1, -1]) + rng.normal(size=quality.shape))
    rankings, _ = ballots_of([np.array(people)])
    groups = {f"g0-{i}": "enjoy" if i < 4 else "dislike" for i in range(10)}
    categories = {
        p: {f"r{r}": "emoji" if r < 2 else "plain" for r in range(4)} for p in rankings.prompt_ids
    }
    return rankings, groups, categories


def simulate_shares(rule: str, differ: bool, runs: int, prompts: int = 60, seed: int = 0) -> Table:
    """By stage and measure: the share of the intervals of emojis' share that hold its mean over all runs."""
    rng = np.random.default_rng(seed)
    shares: dict[str, list[rlchf.auditing.shares.Share]] = {}
    for _ in range(runs):
        rankings, groups, categories = draw_labelled(prompts, differ, rng)
        orders = {"labels": rlchf.aggregate(rankings, rule, threads=1)}
        for stage in trace_shares(rankings, orders, groups, categories=categories):
            if stage.categories:
                name = f"{stage.stage}, {stage.measure}"
                shares.setdefault(name, []).append(stage.categories["emoji"])
    table = {}
    for name, found in shares.items():
        truth = float(np.mean([one.share for one in found]))
        table[name] = {
            "intervals": len(found),
            "coverage": float(np.mean([one.low <= truth <= one.high for one in found])),
            "width": float(np.mean([one.high - one.low for one in found])),
            "deviation": float(np.std([one.share for one in found])),
        }
    return table


def print_shares(runs: int, seed: int) -> dict[str, Table]:
    """Simulate the shares at every stage under two rules."""
    tables = {}
    print(f"{'case':32} {'share':24} {'intervals':>9} {'coverage':>9} {'width':>7} {'sd':>7}")
    for rule in ("kemeny", "perpetual_pav"):
        for differ in (False, True):
            case = f"{rule}, people {'differ' if differ else 'alike'}"
            tables[case] = simulate_shares(rule, differ, runs, seed=seed)
            for name, row in tables[case].items():
                n, *numbers = row.values()
                figures = "{:9.3f} {:7.3f} {:7.3f}".format(*numbers)
                print(f"{case:32} {name:24} {n:9} {figures}", flush=True)
    return tables


def draw_people(
    n: int, quality: np.ndarray, emoji: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(n, P, M) scores of people of whom 40 % like emojis, with tastes of their own."""
    liking = np.where(rng.random(n) < 0.4, 1.2, -1.2)[:, None, None]
    taste = 0.3 * rng.normal(0, 0.7, size=(n, 1, 1))
    noise = 0.7 * rng.normal(size=(n, *quality.shape))
    return np.asarray(quality + liking * emoji + taste * quality[:, ::-1] + noise)


def print_in_sample(runs: int, seed: int, prompts: int = 40) -> dict[str, Table]:
    """Agreement over all pairs in sample, held out, and of fresh annotators with the same outcome."""
    table: Table = {}
    print(f"{'annotators':>10} {'in sample':>10} {'held out':>9} {'fresh':>7} {'coverage':>9}")
    for n in (3, 5, 10, 30):
        rows, rng = [], np.random.default_rng(seed)
        for _ in range(runs):
            quality = rng.normal(size=(prompts, 4))
            emoji = np.array([rng.permutation([1, 1, 0, 0]) for _ in range(prompts)])
            asked, fresh = (
                ballots_of([draw_people(size, quality, emoji, rng)])[0] for size in (n, 60)
            )
            outcome = rlchf.aggregate(asked, "kemeny", threads=1)
            report = rlchf.audit(asked, outcome, baselines=True)
            held_out, truth = report.intervals[0], rlchf.audit(fresh, outcome).overall.pairs
            covers = held_out.low <= truth <= held_out.high
            rows.append((report.overall.pairs, held_out.value, truth, covers))
        figures = np.mean(np.array(rows, float), axis=0).tolist()
        names = ("in sample", "held out", "fresh", "coverage")
        table[str(n)] = dict(zip(names, figures, strict=True))
        print("{:10} {:10.3f} {:9.3f} {:7.3f} {:9.2f}".format(n, *figures), flush=True)
    return {"in sample": table}


def main() -> None:
    """Simulate every case, print a table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400, help="Simulated datasets per case.")
    parser.add_argument("--rule", default="kemeny", help="Rule that makes the outcome.")
    parser.add_argument("--shares", action="store_true", help="Shares of categories by stage.")
    parser.add_argument("--in-sample", action="store_true", help="In sample and with fresh people.")
    parser.add_argument("--folds", type=int, default=FOLDS, help="Parts of the annotators.")
    parser.add_argument("--case", default="", help="Only cases whose name has this.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed.")
    parser.add_argument("--out", default="", help="JSON file.")
    options = parser.parse_args()
    if options.in_sample:
        table = print_in_sample(options.runs, options.seed)
    else:
        table = (
            print_shares(options.runs, options.seed) if options.shares else print_figures(options)
        )
    if options.out:
        Path(options.out).write_text(json.dumps(table, indent=2) + "\n")


def print_figures(options: argparse.Namespace) -> dict[str, Table]:
    """Simulate every case and print a table."""
    table = {}
    print(f"{'case':22} {'figure':20} {'intervals':>9} {'coverage':>9} {'width':>7} {'bias':>7}")
    for case in CASES:
        if options.case not in case.name:
            continue
        table[case.name] = simulate(case, options.runs, options.rule, options.seed, options.folds)
        for name, row in table[case.name].items():
            n, *numbers = row.values()
            figures = "{:9.3f} {:7.3f} {:+7.3f}".format(*numbers)
            print(f"{case.name:22} {name:20} {n:9} {figures}", flush=True)
    return table


if __name__ == "__main__":
    main()
