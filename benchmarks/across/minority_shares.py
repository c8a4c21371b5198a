"""What a minority gets: its share of contested pairs and of first places, for rules across prompts.

    python benchmarks/across/minority_shares.py --out runs/minority_shares.json
    python benchmarks/across/minority_shares.py --data FOLDER --group COLUMN --size 4
    python benchmarks/across/minority_shares.py --shuffles 20

Every rule that looks across prompts is set beside Kemeny, Borda, squared Kemeny and a random dictator,
which look at one prompt at a time; there ties go to the first response, as across prompts. Five made-up
cases of ten annotators, 60 prompts, three seeds:

- pair: 6 prefer the plain response, 4 the one with an emoji;
- emoji: of two plain responses and two with an emoji, 6 rank the plain ones first, 4 the others;
- common: 6 and 4 with opposite orders of three responses on every second prompt, on the others all agree;
- noisy: 6 and 4 with opposite orders of four responses, and noise (Mallows, phi = 0.3) on every ballot;
- 9 to 1: the same with 9 and 1, and less noise (phi = 0.1).

A cell gives the agreement on contested pairs of majority / minority, and in brackets the share of the
minority's first places on all prompts; for the noisy case the mean, the minimum and the Gini
coefficient over the annotators. What soft_nash proposes are chances; its cells show their order only.

With ``--data``, a folder with rankings.csv and annotators.csv, a cell gives these for each group of a
column; ``--size`` first cuts the responses of each prompt into prompts of that many, and ``--unranked
last`` takes a response that a ballot does not name (approve) for one below all others.

With ``--shuffles`` the prompts come in so many other orders: a cell gives the lowest to highest share
of the contested pairs that the minority gets, its standard deviation, and the share of the prompts
whose ranking changes.
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
"""A prompt's number, whether the annotator is of the minority, and chance -> the ranking."""


def pair(prompt: int, minority: bool, rng: np.random.Generator) -> list[int]:
    """Plain is response 0, with an emoji 1."""
    return [1, 0] if minority else [0, 1]


def emoji(prompt: int, minority: bool, rng: np.random.Generator) -> list[int]:
    """Plain are 0 and 1, with an emoji 2 and 3."""
    return [2, 3, 0, 1] if minority else [0, 1, 2, 3]


def common(prompt: int, minority: bool, rng: np.random.Generator) -> list[int]:
    """Opposite orders, and on every second prompt one on which all agree."""
    return [2, 1, 0] if minority and prompt % 2 == 0 else [0, 1, 2]


def noisy(phi: float) -> Draw:
    """Opposite orders with noise: drawn by repeated insertion, response j at place k with phi^(j - k)."""

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


def made_up(draw: Draw, minority: int, seed: int) -> tuple[Rankings, dict[str, str]]:
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
    """Each prompt's responses, in random order, in prompts of ``size`` each; the last is left out."""
    rng = np.random.default_rng(0)
    ballots: list[Ballot] = []
    weights: list[float] = []
    for p, prompt in enumerate(rankings.prompt_ids):
        names = rankings.responses(prompt)
        part = np.empty(len(names), dtype=np.int64)
        part[rng.permutation(len(names))] = np.arange(len(names)) // size
        for n in range(int(rankings.ballot_starts[p]), int(rankings.ballot_starts[p + 1])):
            at = slice(int(rankings.entry_starts[n]), int(rankings.entry_starts[n + 1]))
            who = rankings.annotator_ids[int(rankings.ballot_annotators[n])]
            levels: dict[int, dict[int, list[object]]] = {}
            entries = zip(rankings.entry_responses[at], rankings.entry_ranks[at], strict=True)
            for response, rank in entries:
                own = levels.setdefault(int(part[response]), {})
                own.setdefault(int(rank), []).append(names[int(response)])
            for number, own in levels.items():
                named = sum(map(len, own.values()))
                enough = named > 1 or rankings.unranked == "last"
                if number < len(names) // size and enough:
                    ballots.append((f"{prompt}/{number}", who, [own[rank] for rank in sorted(own)]))
                    weights.append(float(rankings.ballot_weights[n]))
    return Rankings.from_ballots(ballots, weights, unranked=rankings.unranked)


def figures(report: Audit) -> dict[str, Any]:
    """What the tables show of an audit."""
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


def mean(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of figures over seeds."""
    return {
        key: mean([one[key] for one in found])
        if isinstance(value, dict)
        else float(np.mean([one[key] for one in found]))
        for key, value in found[0].items()
    }


def cell(name: str, found: dict[str, Any]) -> str:
    """One cell of the table."""
    if "changed" in found:
        shares = f"{found['lowest']:.3f} to {found['highest']:.3f}, sd {found['deviation']:.3f}"
        return f"{shares}; {found['changed']:.2f}"
    if name == "noisy":
        return f"{found['mean']:.3f} / {found['minimum']:.3f} / {found['gini']:.3f}"
    contested = " / ".join(f"{share:.3f}" for share in found["contested"].values())
    tops = list(found["first_place"].values())
    shown = tops if name == "data" else tops[-1:]
    return f"{contested} ({' / '.join(f'{share:.2f}' for share in shown)})"


def measure(rule: str, data: tuple[Rankings, dict[str, str]] | None) -> dict[str, Any]:
    """All cells of a rule's row, and the seconds it took."""
    began = time.process_time()
    if data is not None:
        rankings, groups = data
        result = rlchf.aggregate(rankings, rule)
        cells = {"data": figures(rlchf.audit(rankings, result, groups))}
        return {"rule": rule, "seconds": time.process_time() - began, "cases": cells}
    cells = {}
    for name, (draw, minority) in CASES.items():
        found = []
        for seed in range(SEEDS):
            rankings, groups = made_up(draw, minority, seed)
            ties = "lexicographic" if rule in CONTROLS else None  # the others break their own
            result = rlchf.aggregate(rankings, rule, ties=ties, seed=seed)
            found.append(figures(rlchf.audit(rankings, result, groups)))
        cells[name] = mean(found)
    return {"rule": rule, "seconds": time.process_time() - began, "cases": cells}


def shuffled(rule: str, shuffles: int) -> dict[str, Any]:
    """The cells of a rule's row where the prompts come in other orders (seed 0)."""
    began = time.process_time()
    cells = {}
    for name, (draw, minority) in CASES.items():
        rankings, groups = made_up(draw, minority, 0)
        found = spread(rankings, rule, shuffles, groups=groups)
        shares = next(row for row in found if (row.name, row.measure) == ("min", "contested"))
        changed = next(row for row in found if row.measure == "ranking")
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
        cells = [cell(name, found) for name, found in result["cases"].items()]
        lines.append(f"| {result['rule']} | {' | '.join(cells)} | {result['seconds']:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    across = [name for name, card in list_rules().items() if card.kind == "across prompts"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rules", nargs="+", default=[*CONTROLS, *across])
    parser.add_argument("--data", type=Path, help="a folder with rankings.csv and annotators.csv")
    parser.add_argument("--group", default="group", help="a column of annotators.csv")
    parser.add_argument("--size", type=int, help="cut prompts into parts of so many responses")
    parser.add_argument("--unranked", choices=get_args(Unranked), default="missing")
    parser.add_argument("--shuffles", type=int, help="other orders of the prompts to try")
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
