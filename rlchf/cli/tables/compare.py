"""The findings of a comparison and its main tables, for the terminal."""

from collections.abc import Iterator

import numpy as np
from rich.table import Table

from rlchf.cli.tables import LISTED, make_table, number
from rlchf.comparison import Comparison
from rlchf.comparison.estimates import listed


def tables(comparison: Comparison) -> Iterator[Table | str]:
    """The findings in sentences, a row for each rule, and the notes on what was not measured."""
    for sentence in comparison.findings:
        yield f"- {sentence}"
    yield ""
    yield _rules(comparison)
    yield from _notes(comparison)


def _rules(comparison: Comparison) -> Table:
    """A row for each rule; those that differ most from the others come last."""
    titles = [
        "all\npairs",
        "con-\ntested",
        "lowest\ngroup",
        "price",
        "first\nstays",
        "halves\nalike",
    ]
    table = make_table("rule", *titles, "distance\nto others")
    measured = comparison.distances
    distance = dict(zip(measured.rules, _mean_distances(measured.distance), strict=True))
    rows = comparison.to_frame().to_dict("records")
    nan = float("nan")
    for row in sorted(rows, key=lambda one: distance[one["rule"]])[:LISTED]:
        groups = [v for name, v in row.items() if str(name).startswith("contested ")]
        figures = [
            row.get("pairs", nan),
            row.get("contested", nan),
            float(np.nanmin(groups)) if len(groups) and not np.isnan(groups).all() else nan,
            row.get("price", nan),
            row.get("first_stays", nan),
            row.get("halves_alike", nan),
            distance[row["rule"]],
        ]
        table.add_row(row["rule"], *(number(figure, 2) for figure in figures))
    return table


def _mean_distances(distance: np.ndarray) -> list[float]:
    others = max(len(distance) - 1, 1)
    return [float(x) for x in distance.sum(axis=1) / others]


def _notes(comparison: Comparison) -> Iterator[str]:
    sample = "held out" if comparison.gains and comparison.gains.folds else "in sample"
    yield (
        f"(all pairs, contested, lowest group: share of the pairs on the ballots that agree, {sample}; "
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
