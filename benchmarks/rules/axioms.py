"""A search for elections that refute what the rules' cards claim, and the table of counterexamples.

    python benchmarks/rules/axioms.py --elections 12000 --out runs/axioms.json
    python benchmarks/rules/axioms.py --rules schulze --unclaimed
    python benchmarks/rules/axioms.py --table rlchf/axioms/counterexamples.json

Elections are drawn in batches of equally many responses (2 to 5) and ballots (1 to 6). Ballots are strict,
weak orders, have gaps or both, or come from few that are alike, so that majorities cycle; weights are equal,
small whole numbers, often 0, so that totals tie, large, or tenths. Rules across prompts see several of the
elections as the prompts of one dataset, and annotators with weight 0 are absent.
Each axiom changes the elections as its definition says and compares the results. The table shows, for each
claim, on how many elections its condition held, and on how many of these it was broken; the smallest of
these is printed.

With --table the smallest counterexample is searched for every axiom that a card does not claim, or
claims under a condition: all small elections first, then random ones. Those of other rules stay as they
are in the file.
"""

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rlchf.axioms.counterexamples import Counterexample, in_words, replayed
from rlchf.axioms.searching import random_search
from rlchf.axioms.smallest import smallest
from rlchf.rules import AXIOMS, get_rule, is_across, list_rules

ACROSS = 30  # rules across prompts take so many times longer
SLOW = (
    "tax_equal_shares",
    "updown_pav",
    "updown_phragmen",
    "stv",
    "squared_kemeny",
    "expanding_approvals",
)


def claims(names: Iterable[str], unclaimed: bool) -> list[tuple[str, str]]:
    """The rules and the axioms that their cards name, or do not."""
    cards = list_rules()
    return [(name, a) for name in names for a in AXIOMS if (a in cards[name].axioms) != unclaimed]


def search_claims(arguments: argparse.Namespace) -> None:
    """Search for elections that refute claims, and write on how many the condition held."""
    rows: list[dict[str, Any]] = []
    for name, axiom in claims(arguments.rules, arguments.unclaimed):
        part = ACROSS if is_across(get_rule(name)) else 1
        verdict = random_search(name, axiom, arguments.elections // part, arguments.seed)
        row = {"rule": name, "axiom": axiom, "held": verdict.held, "broken": verdict.broken}
        rows.append(row)
        if bool(verdict.broken) != arguments.unclaimed:
            print(f"{name}, {axiom}: {verdict.broken} of {verdict.held}", flush=True)
            if verdict.smallest:
                found = Counterexample(name, axiom, "", verdict.smallest)
                print("\n".join(in_words(replayed(found))[1:]), flush=True)
    print(f"{len(rows)} claims, {sum(row['held'] for row in rows):,} elections")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def write_table(arguments: argparse.Namespace) -> None:
    """Search the smallest counterexamples, and write them beside those of other rules."""
    table: dict[str, Any] = {"counterexamples": [], "searched": {}}
    if arguments.table.exists():
        table = json.loads(arguments.table.read_text(encoding="utf-8"))
    for name in arguments.rules:
        began = time.monotonic()
        rows, searched = search_rule(name, arguments)
        others = [row for row in table["counterexamples"] if row["rule"] != name]
        table["counterexamples"] = sorted(
            [*others, *rows], key=lambda row: (row["rule"], list(AXIOMS).index(row["axiom"]))
        )
        table["searched"] = dict(sorted({**table["searched"], name: searched}.items()))
        arguments.table.write_text(written(table), encoding="utf-8")
        print(f"{name}: {len(rows)} found, {time.monotonic() - began:.0f} s", flush=True)


def search_rule(
    name: str, arguments: argparse.Namespace
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The counterexamples of one rule, and the number of cases where there is none."""
    card, rows, searched = list_rules()[name], [], {}
    slow = ACROSS if is_across(get_rule(name)) else 5 if name in SLOW else 1
    for axiom in AXIOMS:
        if axiom in card.axioms and axiom not in card.scopes:
            continue
        found = smallest(
            name,
            axiom,
            most=arguments.most // slow,
            drawn=arguments.drawn // slow,
            seed=arguments.seed,
        )
        if found.case is None:
            searched[axiom] = found.tried
            print(f"{name}, {axiom}: none among {found.tried:,}", flush=True)
        else:
            rows.append(Counterexample(name, axiom, found.ballots, found.case).record())
    return rows, searched


def written(table: dict[str, Any]) -> str:
    """The table as JSON, a line for each counterexample."""
    rows = ",\n".join(json.dumps(row) for row in table["counterexamples"])
    searched = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(row)}" for name, row in table["searched"].items()
    )
    return f'{{"counterexamples": [\n{rows}\n],\n"searched": {{\n{searched}\n}}}}\n'


def main() -> None:
    """Search, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--elections",
        type=int,
        default=20_000,
        help=f"drawn per claim; one in {ACROSS} for rules across prompts",
    )
    parser.add_argument("--rules", nargs="+", default=list(list_rules()))
    parser.add_argument("--unclaimed", action="store_true", help="search what cards do not claim")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/axioms.json"))
    parser.add_argument(
        "--table", type=Path, help="write the smallest counterexamples to this file"
    )
    parser.add_argument("--most", type=int, default=200_000, help="small cases per kind of ballots")
    parser.add_argument(
        "--drawn", type=int, default=20_000, help="random cases per kind of ballots"
    )
    arguments = parser.parse_args()
    if arguments.table:
        write_table(arguments)
    else:
        search_claims(arguments)


if __name__ == "__main__":
    main()
