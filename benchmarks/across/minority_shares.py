"""A minority's share of contested pairs and of first places, under rules across prompts.

    python benchmarks/across/minority_shares.py --out runs/minority_shares.json
    python benchmarks/across/minority_shares.py --data FOLDER --group COLUMN --size 4
    python benchmarks/across/minority_shares.py --shuffles 20

Every rule that looks across prompts is compared with Kemeny, Borda, squared Kemeny and a random dictator,
which look at one prompt at a time; there ties go to the first response, as across prompts. There are five
synthetic cases of ten annotators, 60 prompts, three seeds:

- pair: 6 prefer the plain response, 4 the one with an emoji;
- emoji: of two plain responses and two with an emoji, 6 rank the plain ones first, 4 the others;
- common: 6 and 4 with opposite orders of three responses on every second prompt, on the others all agree;
- noisy: 6 and 4 with opposite orders of four responses, and noise (Mallows, phi = 0.3) on every ballot;
- 9 to 1: the same with 9 and 1, and less noise (phi = 0.1).

A cell gives the agreement on contested pairs of majority / minority and, in brackets, the minority's share
of the first places on all prompts; for the noisy case the mean, the minimum and the Gini coefficient over
the annotators. The outcome of soft_nash is a probability for each pair; its cells show only the order.

With ``--data``, a folder with rankings.csv and annotators.csv, a cell gives the same for each group of a
column; ``--size`` first cuts the responses of each prompt into prompts of that many, and ``--unranked
last`` ranks the responses that a ballot leaves out below all others.

With ``--shuffles N`` the prompts come in N other orders: a cell gives the lowest to highest share of the
contested pairs that the minority wins, its standard deviation, and the share of the prompts whose ranking
changes.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np

import rlchf
from rlchf import Rankings
from rlchf.auditing import Audit, spread
from rlchf.io.texts import read_annotators
from rlchf.rankings import Unranked
from rlchf.rules import list_rules

ANNOTATORS, PROMPTS, SEEDS = 10, 60, 3
CONTROLS = ["kemeny", "borda", "squared_kemeny", "random_dictator"]

Ballot = tuple[object, object, list[list[object]]]
Draw = Callable[[int, bool, np.random.Generator], list[int]]
"""From the prompt's number and whether the annotator is in the minority to the annotator's ranking."""


def pair(prompt: int, minority: bool, rng: np.random.Generator) -> list[int]:
    """Response 0 is plain, response 1 has an emoji."""
    return [1, 0] if minority else [0, 1]


def emoji(prompt: int, minority: bool, rng: np.random.Generator) -> list[int]:
    """Responses 0 and 1 are plain, 2 and 3 have an emoji."""
    return [2, 3, 0, 1] if minority else [0, 1, 2, 3]


def common(prompt: int, minority: bool, rng: np.random.Generator) -> list[int]:
    """Opposite orders on every second prompt, the same order on the others."""
    return [2, 1, 0] if minority and prompt % 2 == 0 else [0, 1, 2]


def noisy(phi: float) -> Draw:
    """Opposite orders with noise: drawn by repeated insertion, response j at rank k with phi^(j - k)."""

    def draw(prompt: int, minority: bool, rng: np.random.Generator) -> list[int]:
        order = np.random.default_rng(prompt).permutation(4).tolist()
        ballot: list[int] = []
        for j, response in enumerate(order[::-1] if minority else order):
            chances = phi ** np.arange(j, -1.0, -1.0)
            ballot.insert(int(rng.choice(j + 1, p=chances / chances.sum())), response)
        return ballot

    return draw


CASES: dict[str, tuple[Draw, int]] = {
    "pair": (pair, 4),
    "emoji": (emoji, 4),
    "common": (common, 4),
    "noisy": (noisy(0.3), 4),
    "9 to 1": (noisy(0.1), 1),
}


def synthetic(draw: Draw, minority: int, seed: int) -> tuple[Rankings, dict[str, str]]:
    """The ballots of a case, and the group of each annotator."""
    rng = np.random.default_rng(seed)
    groups = {str(i): "min" if i >= ANNOTATORS - minority else "maj" for i in range(ANNOTATORS)}
    ballots: list[Ballot] = [
        (t, i, [[response] for response in draw(t, groups[str(i)] == "min", rng)])
        for t in range(PROMPTS)
        for i in range(ANNOTATORS)
    ]
    return Rankings.from_ballots(ballots), groups


def real(
    folder: Path, column: str, size: int | None, unranked: Unranked
) -> tuple[Rankings, dict[str, str]]:
    """The ballots in a folder and the group of each annotator, cut into prompts of ``size`` responses."""
    rankings = rlchf.read_rankings(folder / "rankings.csv", unranked=unranked)
    annotators = read_annotators(folder / "annotators.csv")
    if column not in annotators.features:
        raise SystemExit(
            f"there is no column {column!r}; choose from {', '.join(annotators.features)}"
        )
    groups = dict(zip(annotators.ids, annotators.features[column], strict=True))
    groups = {name: group for name, group in groups.items() if group}
    return (rankings if size is None else cut(rankings, size)), groups


def cut(rankings: Rankings, size: int) -> Rankings:
    """Split each prompt's responses at random into prompts of ``size`` each; the remainder is left out."""
    rng = np.random.default_rng(0)
    ballots: list[Ballot] = []
    weights: list[float] = []
    for p, prompt in enumerate(rankings.prompt_ids):
        names = rankings.responses(prompt)
        parts = np.empty(len(names), dtype=np.int64)
        parts[rng.permutation(len(names))] = np.arange(len(names)) // size
        for n in range(int(rankings.ballot_starts[p]), int(rankings.ballot_starts[p + 1])):
            entries = slice(int(rankings.entry_starts[n]), int(rankings.entry_starts[n + 1]))
            annotator = rankings.annotator_ids[int(rankings.ballot_annotators[n])]
            by_part: dict[int, dict[int, list[object]]] = {}
            for response, rank in zip(
                rankings.entry_responses[entries], rankings.entry_ranks[entries], strict=True
            ):
                levels = by_part.setdefault(int(parts[response]), {})
                levels.setdefault(int(rank), []).append(names[int(response)])
            for part, levels in by_part.items():
                n_ranked = sum(map(len, levels.values()))
                has_pairs = n_ranked > 1 or rankings.unranked == "last"
                if part < len(names) // size and has_pairs:
                    ranking = [levels[rank] for rank in sorted(levels)]
                    ballots.append((f"{prompt}/{part}", annotator, ranking))
                    weights.append(float(rankings.ballot_weights[n]))
    return Rankings.from_ballots(ballots, weights, unranked=rankings.unranked, repeats="all")


def figures(report: Audit) -> dict[str, Any]:
    """The figures of an audit that the tables show."""
    welfare = report.welfare["contested"]
    groups = {row.name: row for row in report.groups}
    return {
        "contested": {name: row.contested for name, row in groups.items()},
        "first_place": {name: row.first_place for name, row in groups.items()},
        "weight": {name: row.weight for name, row in groups.items()},
        "mean": welfare.mean,
        "minimum": welfare.minimum,
        "gini": welfare.gini,
    }


def mean(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of figures over seeds."""
    return {
        key: mean([run[key] for run in runs])
        if isinstance(value, dict)
        else float(np.mean([run[key] for run in runs]))
        for key, value in runs[0].items()
    }


def cell(name: str, case: dict[str, Any]) -> str:
    """One cell of the table."""
    if "changed" in case:
        shares = f"{case['lowest']:.3f} to {case['highest']:.3f}, sd {case['deviation']:.3f}"
        return f"{shares}; {case['changed']:.2f}"
    if name == "noisy":
        return f"{case['mean']:.3f} / {case['minimum']:.3f} / {case['gini']:.3f}"
    contested = " / ".join(f"{share:.3f}" for share in case["contested"].values())
    first_places = list(case["first_place"].values())
    shown = first_places if name == "data" else first_places[-1:]
    return f"{contested} ({' / '.join(f'{share:.2f}' for share in shown)})"


def measure(rule: str, data: tuple[Rankings, dict[str, str]] | None) -> dict[str, Any]:
    """All cells of a rule's row, and its CPU seconds."""
    began = time.process_time()
    if data is not None:
        rankings, groups = data
        result = rlchf.aggregate(rankings, rule)
        cells = {"data": figures(rlchf.audit(rankings, result, groups))}
        return {"rule": rule, "seconds": time.process_time() - began, "cases": cells}
    cells = {}
    for name, (draw, minority) in CASES.items():
        runs = []
        for seed in range(SEEDS):
            rankings, groups = synthetic(draw, minority, seed)
            ties = "lexicographic" if rule in CONTROLS else None  # rules across prompts break ties
            result = rlchf.aggregate(rankings, rule, ties=ties, seed=seed)
            runs.append(figures(rlchf.audit(rankings, result, groups)))
        cells[name] = mean(runs)
    return {"rule": rule, "seconds": time.process_time() - began, "cases": cells}


def shuffled(rule: str, shuffles: int) -> dict[str, Any]:
    """All cells of a rule's row with the prompts in other orders (seed 0)."""
    began = time.process_time()
    cells = {}
    for name, (draw, minority) in CASES.items():
        rankings, groups = synthetic(draw, minority, 0)
        rows = spread(rankings, rule, shuffles, groups=groups)
        shares = next(row for row in rows if (row.name, row.measure) == ("min", "contested"))
        changed = next(row for row in rows if row.measure == "ranking")
        cells[name] = {
            "lowest": shares.lowest,
            "highest": shares.highest,
            "deviation": shares.deviation,
            "changed": changed.mean,
        }
    return {"rule": rule, "seconds": time.process_time() - began, "cases": cells}


def table(results: list[dict[str, Any]]) -> str:
    """A Markdown table, one line per rule."""
    names = list(results[0]["cases"])
    head = ["rule", *names, "s"]
    if names == ["data"]:
        weights = results[0]["cases"]["data"]["weight"]
        head[1] = " / ".join(f"{name} ({weight:.3f})" for name, weight in weights.items())
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for result in results:
        cells = [cell(name, case) for name, case in result["cases"].items()]
        lines.append(f"| {result['rule']} | {' | '.join(cells)} | {result['seconds']:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    across = [name for name, card in list_rules().items() if card.kind == "across prompts"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rules", nargs="+", default=[*CONTROLS, *across])
    parser.add_argument("--data", type=Path, help="folder with rankings.csv and annotators.csv")
    parser.add_argument("--group", default="group", help="column of annotators.csv with the groups")
    parser.add_argument(
        "--size", type=int, help="number of responses of the prompts into which prompts are cut"
    )
    parser.add_argument("--unranked", choices=get_args(Unranked), default="missing")
    parser.add_argument("--shuffles", type=int, help="number of shuffled orders of the prompts")
    parser.add_argument("--out", type=Path, default=Path("runs/minority_shares.json"))
    arguments = parser.parse_args()
    data = None
    if arguments.data is not None:
        data = real(arguments.data, arguments.group, arguments.size, arguments.unranked)
    if arguments.shuffles:
        sequential = ["cpb", "phragmen_credit", "perpetual_pav", "perpetual_quota"]
        rules = sequential if arguments.rules == [*CONTROLS, *across] else arguments.rules
        results = [shuffled(rule, arguments.shuffles) for rule in rules]
    else:
        results = [measure(rule, data) for rule in arguments.rules]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
