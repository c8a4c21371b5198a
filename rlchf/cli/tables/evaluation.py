"""The evaluation as tables for the screen."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from rlchf.cli.tables.audit import number
from rlchf.evaluation.intervals import Figure
from rlchf.evaluation.report import Evaluation

LISTED = 20  # annotators that are listed


def tables(found: Evaluation) -> Iterator[Table | str]:
    """What `rlchf reward` shows: accuracy, order and calibration."""
    yield accuracy_table(found)
    if found.groups:
        yield ""
        yield groups_table(found)
    yield ""
    if len(found.annotators) <= LISTED:
        yield _rows("annotator", "pairs", "weight", found.annotators)
    else:
        worst = sorted(found.annotators, key=lambda row: row.value)
        middle = worst[(len(worst) - 1) // 2]
        yield (
            f" Of {len(worst)} annotators the worst served has accuracy {number(worst[0].value)}, "
            f"the median {number(middle.value)}, the best {number(worst[-1].value)}."
        )
    yield ""
    yield calibration_table(found)


def accuracy_table(found: Evaluation) -> Table:
    """All and contested pairs, those by margin, and the collective order."""
    title = f"{found.prompts} prompts, {found.ballots} ballots"
    table = _table(title, "accuracy", "95 % interval", "other people", "at most", "weight")
    overall = zip(
        (found.pairs, found.contested),
        found.other_people,
        (found.attainable, found.attainable_contested),
        strict=True,
    )
    for row, people, most in overall:
        span = _span(row), _span(people)
        table.add_row(f"{row.name} pairs", number(row.value), *span, number(most), _weight(row))
    for row in (row for row in found.margins if row.weight):
        name = f"  won by {row.name}" if row.name[0].isdigit() else f"  {row.name}"
        table.add_row(name, number(row.value), _span(row), "", "", _weight(row))
    for one in (found.collective_pairs, found.tau):
        if one is not None:
            table.add_row(one.name, number(one.value), _span(one), "", "", _weight(one))
    return table


def groups_table(found: Evaluation) -> Table:
    """Accuracy by group, over all and over contested pairs."""
    table = _table("group", "all pairs", "95 % interval", "contested", "95 % interval", "weight")
    for row, contested in zip(found.groups, found.contested_groups, strict=True):
        cells = number(row.value), _span(row), number(contested.value), _span(contested)
        table.add_row(row.name, *cells, _weight(row))
    return table


def calibration_table(found: Evaluation) -> Table:
    """Calibration error, log loss, Brier score and the r² of hidden context."""
    table = _table("calibration", "value", "95 % interval")
    c = found.calibration
    table.add_row("expected calibration error", number(c.error), "")
    for row in (c.log_loss, c.brier):
        table.add_row(row.name, number(row.value), _span(row))
    if found.r_squared is not None:
        table.add_row("r² of hidden context", number(found.r_squared), "")
    return table


def conditioned_tables(found: Any) -> Iterator[Table | str]:
    """How well a model that is conditioned on annotator features does by features."""
    for name, cells in (("held-out prompts", found.seen), ("annotators never seen", found.unseen)):
        if not cells:
            continue
        table = _table(
            f"{name}, features", "pairs", "95 % interval", "contested", "at most", "weight"
        )
        listed = sorted(cells.items(), key=lambda item: item[1].pairs.value)[:LISTED]
        for text, one in listed:
            row = one.pairs
            more = number(one.contested.value), number(one.attainable), _weight(row)
            table.add_row(text.strip() or "nothing", number(row.value), _span(row), *more)
        yield ""
        yield table
        if len(cells) > len(listed):
            yield f" the {len(listed)} worst served of {len(cells)}"
    if found.calibration:
        table = _table("group", "temperature", "calibration error before", "after")
        for row in found.calibration:
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
