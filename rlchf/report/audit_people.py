"""The sections of an audit's report on people: each annotator's agreement, and weights."""

import math
from collections.abc import Sequence

from rlchf.auditing.agreement import Agreement
from rlchf.auditing.held_out import Shares
from rlchf.auditing.report import Audit
from rlchf.display import counted
from rlchf.report.audit_words import MEASURES, held_out_again
from rlchf.report.charts import histogram_chart
from rlchf.report.comparison.weights import weights_section as of_weights
from rlchf.report.document import (
    Block,
    Cell,
    Column,
    Section,
    Table,
    Text,
)


def people_section(report: Audit) -> Section | None:
    """The annotators' agreement: how it is distributed, how equal it is, and each annotator's."""
    people: Sequence[Shares | Agreement] = (
        report.held_out.annotators if report.held_out else report.annotators
    )
    if report.anonymous:
        note = (
            f"{counted(report.anonymous, 'annotator')} are anonymous, so that an id does not stand for one "
            "person: there are no figures of single people."
        )
        return Section("people", "People", [Text([note])])
    if not people:
        return None
    how = ", held out" if held_out_again(report) else ""
    by_id = {row.name: row for row in report.annotators}
    rows: list[list[Cell]] = [
        [
            row.name, ", ".join(getattr(row, "groups", ())) or None,
            by_id[row.name].ballots if row.name in by_id else None,
            row.pairs, row.contested, row.first_place,
            by_id[row.name].influence if row.name in by_id else None,
        ]
        for row in sorted(people, key=lambda row: (math.isnan(row.contested), row.contested))
    ]  # fmt: skip
    columns: list[Column | str] = [
        "annotator", "groups", "ballots", *[Column(title, 3) for title in MEASURES.values()],
        Column("influence", 4, "Share of all influence, in sample."),
    ]  # fmt: skip
    if not any(row[1] for row in rows):
        columns, rows = [columns[0], *columns[2:]], [[row[0], *row[2:]] for row in rows]
    blocks: list[Block] = []
    if len(people) >= 5:
        blocks.append(
            histogram_chart(
                f"Share of contested pairs agreed{how}, by annotator.",
                [row.contested for row in people], x="share of the contested pairs", y="annotators",
                reference=0.5,
            )
        )  # fmt: skip
    blocks += [
        _equality_table(report, how),
        Table(
            columns, rows, f"Agreement of each annotator{how}, the lowest on contested pairs first."
        ),
    ]
    return Section("people", "People", blocks)


def _equality_table(report: Audit, how: str) -> Table:
    figures = report.held_out.welfare if report.held_out else report.welfare
    rows: list[list[Cell]] = [
        [MEASURES[measure], w.mean, w.nash, w.harmonic, w.minimum, w.gini]
        for measure, w in figures.items()
    ]
    rows.append(["influence (in sample)", None, None, None, None, report.influence_gini])
    columns: list[Column | str] = [
        "over annotators", Column("mean", 3), Column("Nash", 3, "Geometric mean."),
        Column("harmonic", 3), Column("lowest", 3), Column("Gini", 3, "0 if all are served alike."),
    ]  # fmt: skip
    return Table(columns, rows, f"How equally the annotators are served{how}.")


def weights_section(report: Audit) -> Section | None:
    """Who counts for how much by the annotators' weights, and agreement with and without them."""
    return None if report.weights is None else of_weights(report.weights, report.rule)
