"""Tables of an evaluation."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from rlchf.cli.tables.audit import number
from rlchf.evaluation.intervals import Figure
from rlchf.evaluation.report import Evaluation

LISTED = 20  # annotators in a table


def tables(evaluation: Evaluation) -> Iterator[Table | str]:
    """The tables of `rlchf reward`: accuracy, order and calibration."""
    yield accuracy_table(evaluation)
    if evaluation.groups:
        yield ""
        yield groups_table(evaluation)
    yield ""
    if len(evaluation.annotators) <= LISTED:
        yield _rows("annotator", "pairs", "weight", evaluation.annotators)
    else:
        worst = sorted(evaluation.annotators, key=lambda row: row.value)
        middle = worst[(len(worst) - 1) // 2]
        yield (
            f" Of {len(worst)} annotators the lowest has accuracy {number(worst[0].value)}, "
            f"the median {number(middle.value)}, the highest {number(worst[-1].value)}."
        )
    yield ""
    yield calibration_table(evaluation)


def accuracy_table(evaluation: Evaluation) -> Table:
    """All and contested pairs, those by margin, and the collective order."""
    title = f"{evaluation.prompts} prompts, {evaluation.ballots} ballots"
    table = _table(title, "accuracy", "95 % interval", "other people", "at most", "weight")
    overall = zip(
        (evaluation.pairs, evaluation.contested),
        evaluation.other_people,
        (evaluation.attainable, evaluation.attainable_contested),
        strict=True,
    )
    for row, people, most in overall:
        span = _span(row), _span(people)
        table.add_row(f"{row.name} pairs", number(row.value), *span, number(most), _weight(row))
    for row in (row for row in evaluation.margins if row.weight):
        name = f"  won by {row.name}" if row.name[0].isdigit() else f"  {row.name}"
        table.add_row(name, number(row.value), _span(row), "", "", _weight(row))
    for one in (evaluation.collective_pairs, evaluation.tau):
        if one is not None:
            table.add_row(one.name, number(one.value), _span(one), "", "", _weight(one))
    return table


def groups_table(evaluation: Evaluation) -> Table:
    """Accuracy by group, over all and over contested pairs."""
    table = _table("group", "all pairs", "95 % interval", "contested", "95 % interval", "weight")
    for row, contested in zip(evaluation.groups, evaluation.contested_groups, strict=True):
        cells = number(row.value), _span(row), number(contested.value), _span(contested)
        table.add_row(row.name, *cells, _weight(row))
    return table


def calibration_table(evaluation: Evaluation) -> Table:
    """Calibration error, log loss, Brier score and the r² of hidden context."""
    table = _table("calibration", "value", "95 % interval")
    c = evaluation.calibration
    table.add_row("expected calibration error", number(c.error), "")
    for row in (c.log_loss, c.brier):
        table.add_row(row.name, number(row.value), _span(row))
    if evaluation.r_squared is not None:
        table.add_row("r² of hidden context", number(evaluation.r_squared), "")
    return table


def conditioned_tables(evaluation: Any) -> Iterator[Table | str]:
    """Accuracy of a model conditioned on annotator features, by features, and its calibration."""
    for name, cells in (
        ("held-out prompts", evaluation.seen),
        ("held-out annotators", evaluation.unseen),
    ):
        if not cells:
            continue
        table = _table(
            f"{name}, by features", "pairs", "95 % interval", "contested", "at most", "weight"
        )
        listed = sorted(cells.items(), key=lambda item: item[1].pairs.value)[:LISTED]
        for text, measured in listed:
            row = measured.pairs
            more = number(measured.contested.value), number(measured.attainable), _weight(row)
            table.add_row(text.strip() or "no features", number(row.value), _span(row), *more)
        yield ""
        yield table
        if len(cells) > len(listed):
            yield f" the {len(listed)} lowest of {len(cells)}"
    if evaluation.calibration:
        table = _table("group", "temperature", "calibration error before", "after")
        for row in evaluation.calibration:
            after = number(row.after.error) if row.after else "-"
            cells = number(row.temperature), number(row.before.error), after
            table.add_row(row.group or "all", *cells)
        yield ""
        yield table


def _rows(title: str, first: str, last: str, rows: Sequence[Figure]) -> Table:
    table = _table(title, first, "95 % interval", last)
    for row in rows:
        table.add_row(row.name, number(row.value), _span(row), _weight(row))
    return table


def _span(row: Figure) -> str:
    low, high = number(row.low), number(row.high)
    return low if low == "-" else f"{low} to {high}"


def _weight(row: Figure) -> str:
    return f"{row.weight:,.10g}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=None)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
