"""The section about the people: how far they agree, and figures of groups and of single people."""

from collections.abc import Iterator

import numpy as np

from rlchf.auditing.estimates import Estimate
from rlchf.display import counted
from rlchf.people.agreement import GroupMatrix, PairAgreement
from rlchf.people.effective import EffectiveVotes
from rlchf.people.findings import findings
from rlchf.people.report import People
from rlchf.report.charts import Dot, histogram_chart, interval_chart, matrix_chart
from rlchf.report.document import Block, Cell, Column, Fold, Section, Table, Text

MOST = 300
"""Rows of a table at most; what is left out is in the JSON."""

AGREEMENT: tuple[Column | str, ...] = (
    "people",
    "number",
    Column("weight", 3, "Share of the weight of all ballots."),
    Column("same", 3, "Share of the votes of two people on a pair that are the same."),
    Column("from", 3, "Lower end of the 95 % interval."),
    Column("to", 3, "Upper end of the 95 % interval."),
    Column("alpha", 3, "Krippendorff's alpha: 0 is chance, 1 is agreement throughout."),
    Column("from", 3),
    Column("to", 3),
    Column("tau-b", 3, "Mean of Kendall's tau-b over every two people on a prompt."),
    Column("W", 3, "Mean of Kendall's W over the prompts with two complete ballots."),
    Column(
        "with others", 3, "Share of the votes of people outside of the group that are the same."
    ),
)


def people_section(people: People) -> Section:
    """The section about the people."""
    return Section("people", "The people", [Text(findings(people), listed=True), *_blocks(people)])


def _blocks(people: People) -> Iterator[Block]:
    yield _agreement_table(people)
    for title, groups in people.groups.items():
        dots = [
            Dot(group.within.name, *group.within.alpha.figures)
            for group in groups
            if not np.isnan(group.within.alpha.value)
        ]
        if dots:
            yield interval_chart(
                f"Agreement within groups{_by(title)}", dots, x="Krippendorff's alpha", reference=0.0,
                link=title or "group",
            )  # fmt: skip
    for matrix in people.between:
        if len(matrix.names) > 1:
            yield matrix_chart(
                f"Agreement between groups{_by(matrix.division)}", matrix.names, matrix.alpha,
                value="agreement (0 is chance)", similarity=True, middle=0.0,
                row=matrix.division or "group", column=f"other {matrix.division or 'group'}",
                link=matrix.division or "group",
            )  # fmt: skip
            yield Fold(f"The figures{_by(matrix.division)}", [_matrix_table(matrix)])
    alpha = people.prompts.alpha[~np.isnan(people.prompts.alpha)]
    if len(alpha) > 1:
        yield histogram_chart(
            "Agreement on each prompt", alpha, x="Krippendorff's alpha", y="prompts", reference=0.0
        )
    yield _effective_table(people.effective)
    if people.consequences:
        yield _consequences_table(people)
    yield Fold("Prompts on which people agree least", [_prompts_table(people)])
    if people.reliability is not None:
        yield Fold(
            "Single people",
            [
                Text(
                    [
                        "Nobody is unreliable for agreeing little: people of a minority agree less with "
                        "others because they have another taste.",
                        "The table above says what dropping people by such a figure would do to each group.",
                    ]
                ),
                _annotators_table(people),
            ],
        )


def _by(division: str) -> str:
    """The name of a division behind a title."""
    return f" by {division}" if division else ""


def _agreement_table(people: People) -> Table:
    rows = [_agreement_row(people.overall, "all", float("nan"))]
    groups = [
        (f"{title}: {group.within.name}" if title else group.within.name, group)
        for title, listed in people.groups.items()
        for group in listed
    ]
    groups.sort(key=lambda item: -item[1].within.weight)
    shown = groups[:MOST] if len(groups) > MOST else groups
    if len(shown) == len(groups):  # in the order of their divisions
        shown.sort(key=lambda item: item[0])
    rows += [_agreement_row(g.within, name, g.outside.value) for name, g in shown]
    more = f"; the {MOST} largest of {len(groups):,} groups" if len(groups) > MOST else ""
    caption = f"How far people agree with one another, with 95 % intervals{more}."
    return Table(AGREEMENT, rows, caption)


def _agreement_row(found: PairAgreement, name: str, outside: float) -> list[Cell]:
    return [
        name, found.annotators, found.weight, *_cells(found.same), *_cells(found.alpha),
        cell(found.tau_b.value), cell(found.kendalls_w), cell(outside),
    ]  # fmt: skip


def _cells(estimate: Estimate) -> list[Cell]:
    return [cell(figure) for figure in estimate.figures]


def cell(value: float) -> Cell:
    """A figure for a table, or None where there is none."""
    return None if np.isnan(value) else float(value)


def _matrix_table(matrix: GroupMatrix) -> Table:
    columns: list[Column | str] = [matrix.division or "group"]
    columns += [Column(name, 2) for name in matrix.names]
    rows = [
        [name, *(cell(value) for value in values)]
        for name, values in zip(matrix.names, matrix.alpha, strict=True)
    ]
    more = (
        f" The {len(rows)} largest of {matrix.n_groups:,} groups."
        if matrix.n_groups > len(rows)
        else ""
    )
    caption = (
        "Agreement within and between groups: Krippendorff's alpha on the diagonal, cross-replication "
        f"reliability elsewhere. 0 is chance; below 0 two groups are opposed.{more}"
    )
    return Table(columns, rows, caption)


def _effective_table(found: list[EffectiveVotes]) -> Table:
    columns: list[Column | str] = [
        "people",
        "number",
        Column("correlation", 3, "Mean correlation of two people's votes on pairs, about zero."),
        Column("from", 3),
        Column("to", 3),
        Column("on a prompt", 1, "Mean number of people on a prompt, by weight."),
        Column("worth there", 2, "Kish's effective number of independent votes among these."),
        Column("worth in all", 2, "The same for all the people."),
    ]
    rows: list[list[Cell]] = [
        [
            one.name, one.voters, *_cells(one.correlation), cell(one.on_a_prompt),
            cell(one.effective_on_a_prompt.value), cell(one.effective.value),
        ]
        for one in found
    ]  # fmt: skip
    return Table(columns, rows, "How many independent votes the people count as.")


def _consequences_table(people: People) -> Table:
    columns: list[Column | str] = [
        "dropped",
        "group",
        "people",
        "of them dropped",
        Column("weight before", 3, "Share of the weight of all ballots."),
        Column("weight after", 3),
        Column(
            "agreement before",
            3,
            "Share of the group's preferences on pairs that the result shares.",
        ),
        Column("agreement after", 3),
    ]
    rows: list[list[Cell]] = [
        [
            row.criterion, _name(row.division, row.group), row.people, row.dropped, cell(row.weight_before),
            cell(row.weight_after), cell(row.agreement_before), cell(row.agreement_after),
        ]
        for row in people.consequences
        if row.division == "all" or row.dropped
    ]  # fmt: skip
    more = f" The first {MOST} of {len(rows):,} rows." if len(rows) > MOST else ""
    caption = (
        "What it would do to each group to drop people by a figure of theirs; the result is that of the "
        f"rule {people.rule}. Groups of which nobody would be dropped are left out.{more}"
    )
    return Table(columns, rows[:MOST], caption)


def _name(division: str, group: str) -> str:
    if division == "all":
        return "everybody"
    return f"{division}: {group}" if division else group


def _prompts_table(people: People) -> Table:
    found = people.prompts
    known = np.flatnonzero(~np.isnan(found.alpha))
    order = known[np.argsort(found.alpha[known], kind="stable")][:MOST]
    columns: list[Column | str] = [
        "prompt", "people", Column("same", 3), Column("alpha", 3), Column("tau-b", 3), Column("W", 3),
    ]  # fmt: skip
    rows: list[list[Cell]] = [
        [
            people.prompt_ids[p], int(found.ballots[p]),
            *(cell(column[p]) for column in (found.same, found.alpha, found.tau_b, found.kendalls_w)),
        ]
        for p in order.tolist()
    ]  # fmt: skip
    caption = f"{counted(len(rows), 'prompt')} of {len(people.prompt_ids):,}, lowest alpha first."
    return Table(columns, rows, caption)


def _annotators_table(people: People) -> Table:
    figures, clickers = people.reliability, people.clickers
    assert figures is not None
    assert clickers is not None
    columns: list[Column | str] = [
        "person", *(title or "group" for title in people.owners), "ballots",
        Column("with others", 3, "Share of the votes of others that are the same."),
    ]  # fmt: skip
    values = [figures.with_others.value]
    for title in people.owners:
        columns += [
            Column(f"own {title or 'group'}", 3),
            Column(f"the other groups{f' by {title}' if title else ''}", 3),
        ]
        values += [figures.own_group[title].value, figures.other_groups[title].value]
    for name, title in (
        ("intransitive", "intransitive"), ("consistent", "consistent"), ("first", "shown first"),
    ):  # fmt: skip
        if not np.isnan(column := getattr(figures, name).value).all():
            columns.append(Column(title, 3))
            values.append(column)
    if not np.isnan(figures.seconds).all():
        columns.append(Column("seconds", 1, "Median time of a ballot."))
        values.append(figures.seconds)
    columns += [
        Column(
            "p of the flag",
            4,
            "The probability that the ballots of a member of a minority are predicted no better by others; a "
            "person is flagged where it is low.",
        ),
        "flagged",
    ]
    order = np.lexsort((figures.with_others.value, ~clickers.flagged))[:MOST]
    rows = [
        [
            people.annotator_ids[a], *(owners[a] for owners in people.owners.values()),
            int(figures.ballots[a]), *(cell(column[a]) for column in values), cell(clickers.p[a]),
            "flagged" if clickers.flagged[a] else "",
        ]
        for a in order.tolist()
    ]  # fmt: skip
    caption = (
        f"{len(rows):,} of {counted(len(people.annotator_ids), 'annotator')}: flagged ones first, "
        f"then "
        "by agreement with the others, lowest first."
    )
    return Table(columns, rows, caption)
