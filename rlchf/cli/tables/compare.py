"""The findings of a comparison and its main tables, for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from rlchf.cli.tables import LISTED, make_table, number
from rlchf.comparison import Comparison
from rlchf.display import listed

COLUMNS = {
    "all\npairs": "pairs",
    "con-\ntested": "contested",
    "price": "price",
    "first\nstays": "first_stays",
    "halves\nalike": "halves_alike",
}
"""Titles of columns, and the figures that they show."""


def tables(comparison: Comparison, people: Sequence[str] = ()) -> Iterator[Table | str]:
    """The findings in sentences, a row for each rule, and the notes on what was not measured.

    Parameters
    ----------
    people
        Sentences on the people.
    """
    for sentence in [*comparison.findings, *people]:
        yield f"- {sentence}"
    yield ""
    yield _rules(comparison)
    yield from _notes(comparison)


def _rules(comparison: Comparison) -> Table:
    """A row for each rule; those that differ most from the others come last.

    Columns in which no rule has a figure are left out.
    """
    measured = comparison.distances
    distance = dict(zip(measured.rules, _mean_distances(measured.distance), strict=True))
    rows = {row["rule"]: row for row in comparison.to_frame().to_dict("records")}
    shown = _shown(comparison, sorted(rows, key=lambda rule: distance[rule]))
    columns = {
        title: [number(rows[rule].get(name, float("nan")), 2) for rule in shown]
        for title, name in COLUMNS.items()
    }
    columns["lowest\ngroup"] = [_lowest_group(rows[rule]) for rule in shown]
    columns["distance\nto others"] = [number(distance[rule], 2) for rule in shown]
    nothing = number(float("nan"), 2)
    kept = {title: cells for title, cells in columns.items() if set(cells) != {nothing}}
    table = make_table("rule", *kept)
    for row in zip(shown, *kept.values(), strict=True):
        table.add_row(*row)
    return table


def _shown(comparison: Comparison, ordered: Sequence[str]) -> list[str]:
    """The rules that the table shows, in order: those that are recommended are always among them."""
    recommended = {one.rule for one in comparison.recommendations}
    first = sorted(ordered, key=lambda rule: rule not in recommended)[:LISTED]
    return [rule for rule in ordered if rule in first]


def _lowest_group(row: Mapping[Any, Any]) -> str:
    """The lowest share of contested pairs among the groups, and whose it is."""
    prefix = "contested "
    groups = {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and not np.isnan(value)
    }
    if not groups:
        return number(float("nan"), 2)
    lowest = min(groups, key=lambda name: groups[name])
    return f"{number(groups[lowest], 2)} {lowest}"


def _mean_distances(distance: np.ndarray) -> list[float]:
    others = max(len(distance) - 1, 1)
    return [float(x) for x in distance.sum(axis=1) / others]


def _notes(comparison: Comparison) -> Iterator[str]:
    sample = "held out" if comparison.gains and comparison.gains.folds else "in sample"
    groups = any(name.startswith("contested ") for name in comparison.to_frame().columns)
    shares = "all pairs, contested, lowest group" if groups else "all pairs, contested"
    lowest = ", and the group whose share is lowest" if groups else ""
    yield (
        f"({shares}: share of the pairs on the ballots that agree, {sample}{lowest}; "
        "price: part of the highest agreement that the rule gives up; first stays: probability of the same "
        "first place if other ballots were drawn; halves alike: likeness of the orders of two halves of the "
        "people; distance to others: mean Kendall distance)"
    )
    more = len(comparison.results) - LISTED
    if more > 0:
        yield f"({more} more rules: see --json or --out)"
    reasons: dict[str, list[str]] = {}
    for rule, reason in comparison.left_out.items():
        reasons.setdefault(reason, []).append(rule)
    for reason, rules in reasons.items():
        yield f"Left out, because {reason}: {listed(rules)}."
    for part in (comparison.stability, comparison.halves):
        for note in part.notes.values() if part else []:
            yield f"{note}."
    for note in comparison.gains.notes if comparison.gains else []:
        yield note
