"""Tables of an evaluation."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from rlchf.cli.tables import LISTED, make_table, number
from rlchf.entries import ANONYMOUS
from rlchf.evaluation.intervals import Figure
from rlchf.evaluation.report import Evaluation
from rlchf.jobs.conditioned import ConditionedEvaluation
from rlchf.jobs.reward import Fitted


def reward_tables(fitted: Fitted) -> Iterator[Table | str]:
    """The tables of `rlchf reward`."""
    parts = (fitted.held_out, "held-out prompts"), (fitted.unseen, "annotators never seen")
    for evaluation, title in parts:
        if evaluation is not None:
            yield f"\n{title}\n"
            yield from tables(evaluation)
    if fitted.conditioned is not None:
        yield from conditioned_tables(fitted.conditioned)


def tables(evaluation: Evaluation) -> Iterator[Table | str]:
    """Accuracy, order and calibration of an evaluation."""
    yield accuracy_table(evaluation)
    if evaluation.groups:
        yield ""
        yield groups_table(evaluation)
    known = [row for row in evaluation.annotators if not row.name.startswith(ANONYMOUS)]
    if known:
        yield ""
    if 0 < len(known) <= LISTED:
        yield _rows("annotator", "pairs", "weight", known)
    elif known:
        worst = sorted(known, key=lambda row: row.value)
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
    table = make_table(title, "accuracy", "95 % interval", "other people", "at most", "weight")
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
    table = make_table(
        "group", "all pairs", "95 % interval", "contested", "95 % interval", "weight"
    )
    for row, contested in zip(evaluation.groups, evaluation.contested_groups, strict=True):
        cells = number(row.value), _span(row), number(contested.value), _span(contested)
        table.add_row(row.name, *cells, _weight(row))
    return table


def calibration_table(evaluation: Evaluation) -> Table:
    """Calibration error, log loss, Brier score and the r² of hidden context."""
    table = make_table("calibration", "value", "95 % interval")
    c = evaluation.calibration
    table.add_row("expected calibration error", number(c.error), "")
    for row in (c.log_loss, c.brier):
        table.add_row(row.name, number(row.value), _span(row))
    if evaluation.r_squared is not None:
        table.add_row("r² of hidden context", number(evaluation.r_squared), "")
    return table


def conditioned_tables(evaluation: ConditionedEvaluation) -> Iterator[Table | str]:
    """Accuracy of a model conditioned on annotator features, by features, and its calibration."""
    parts = {"held-out prompts": evaluation.seen, "held-out annotators": evaluation.unseen}
    for name, by_features in parts.items():
        if not by_features:
            continue
        table = make_table(
            f"{name}, by features", "pairs", "95 % interval", "contested", "at most", "weight"
        )
        listed = sorted(by_features.items(), key=lambda item: item[1].pairs.value)[:LISTED]
        for text, one in listed:
            figures = one.pairs.value, one.contested.value, one.attainable
            pairs, contested, most = (number(x) for x in figures)
            features = text.strip() or "no features"
            table.add_row(features, pairs, _span(one.pairs), contested, most, _weight(one.pairs))
        yield ""
        yield table
        if len(by_features) > len(listed):
            yield f" the {len(listed)} lowest of {len(by_features)}"
    if evaluation.calibration:
        table = make_table("group", "temperature", "calibration error before", "after")
        for row in evaluation.calibration:
            after = number(row.after.error) if row.after else "-"
            cells = number(row.temperature), number(row.before.error), after
            table.add_row(row.group or "all", *cells)
        yield ""
        yield table


def _rows(title: str, first: str, last: str, rows: Sequence[Figure]) -> Table:
    table = make_table(title, first, "95 % interval", last)
    for row in rows:
        table.add_row(row.name, number(row.value), _span(row), _weight(row))
    return table


def _span(row: Figure) -> str:
    low, high = number(row.low), number(row.high)
    return low if low == "-" else f"{low} to {high}"


def _weight(row: Figure) -> str:
    return f"{row.weight:,.10g}"
