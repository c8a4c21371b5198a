"""The report on a constitution: its principles, their judge, and the texts made under it."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rlchf.constitution.report import ConstitutionReport
from rlchf.evaluation.intervals import Figure
from rlchf.report.charts import Dot, interval_chart, matrix_chart
from rlchf.report.document import (
    Block,
    Card,
    Cell,
    Code,
    Column,
    Document,
    Fold,
    Section,
    SideBySide,
    Table,
    Text,
)

REFERENCES = {"truth": "planted truth", "humans": "human labels"}


def constitution_document(
    report: ConstitutionReport,
    settings: Mapping[str, Any],
    divided: Sequence[Mapping[str, Any]] = (),
    facts: Mapping[str, str] | None = None,
) -> Document:
    """The report on a constitution.

    Parameters
    ----------
    report
        The measures.
    settings
        The settings of the job.
    divided
        Pairs to show: each has ``prompt`` and two ``sides`` with ``text`` and ``principles``.
    facts
        Date, version, command, files.
    """
    made = [
        _influence_section(report), _agreement_section(report), _position_section(report),
        _reliability_section(report), _stages_section(report), _evasiveness_section(report),
        _refusal_section(report), _divided_section(divided),
    ]  # fmt: skip
    settings_text = json.dumps(settings, indent=2, ensure_ascii=False)
    sections = [
        *[section for section in made if section],
        Section("settings", "Settings", [Fold("All settings", [Code(settings_text)])]),
    ]
    title = f"Report on a constitution: {report.title}"
    return Document(title, report.sentences(), sections, facts or {})


def _influence_section(report: ConstitutionReport) -> Section | None:
    """Whose comparisons prevail under each rule."""
    if not report.influence:
        return None
    counts = report.counts
    intro = (
        f"{counts.judgements:,} judgements of {counts.principles} principles about {counts.pairs:,} pairs of "
        f"responses to {counts.prompts:,} prompts; intervals are of 95 %, from a bootstrap over prompts."
    )
    rows: list[list[Cell]] = [
        [
            row.principle, rule.rule, row.weight, row.prevails, row.share, row.flipped,
            row.flipped / rule.pairs if row.flipped is not None and rule.pairs else None,
        ]
        for rule in report.influence
        for row in rule.principles
    ]  # fmt: skip
    columns: list[Column | str] = [
        "principle", "rule", Column("weight", 3),
        Column("prevail", 3, "Share of the principle's comparisons that prevail: with the probability that "
               "it gives to the response that the rule puts above; a tie counts half."),
        Column("share", 3, "The principle's part of the weight of all comparisons that prevail."),
        Column("turned", None, "Pairs whose strict order is the opposite without the principle."),
        Column("share turned", 3),
    ]  # fmt: skip
    return Section("influence", "Influence of the principles", [
        Text([intro]), *_influence_charts(report),
        Table(columns, rows, "Influence of each principle under each rule.", shown=40),
        Text([f"{rule.rule} ties {rule.ties:,} of {rule.pairs:,} pairs." for rule in report.influence]),
    ])  # fmt: skip


def _influence_charts(report: ConstitutionReport) -> list[Block]:
    prevails: dict[str, float] = {}
    for rule in report.influence:
        for row in rule.principles:
            known = 0.0 if math.isnan(row.prevails) else row.prevails
            prevails[row.principle] = prevails.get(row.principle, 0.0) + known
    names = sorted(prevails, key=lambda name: -prevails[name])
    charts: list[Block] = []
    for field, title, x, reference in (
        (
            "prevails",
            "Share of each principle's comparisons that prevail.",
            "share that prevails",
            0.5,
        ),
        (
            "share",
            "Each principle's part of all comparisons that prevail.",
            "part of the weight",
            None,
        ),
        ("flipped", "Pairs that turn around if a principle is left out.", "pairs", None),
    ):
        values = [
            Dot(name, getattr(row, field), series=rule.rule)
            for name in names
            for rule in report.influence
            for row in rule.principles
            if row.principle == name and getattr(row, field) is not None
        ]
        if values:
            charts.append(
                interval_chart(
                    title, values, x=x, name="principle", series="rule", reference=reference,
                    link="principle", link_series="rule",
                )
            )  # fmt: skip
    return charts


def _agreement_section(report: ConstitutionReport) -> Section:
    """Which principles judge alike, and how many voters they count as."""
    voters, found = report.voters, report.correlations
    blocks: list[Block] = [Text(list(report.on_voters()))]
    if len(found.principles) > 1:
        matrix = matrix_chart(
            "Correlation of soft labels over the pairs that both principles judge; similar principles stand "
            "side by side.",
            found.principles, found.soft, value="correlation", middle=0.0, similarity=True, digits=1,
            link="principle", row="principle", column="other principle",
        )  # fmt: skip
        blocks.append(matrix)
    rows: list[list[Cell]] = [[voters, voters.principles, voters.independent]]
    columns: list[Column | str] = [
        Column("effective voters", 2, "Kish's (Σ w)² / Σ wᵢ wⱼ ρᵢⱼ, where ρ is the correlation of soft "
               "labels about zero: m independent principles count as m, m copies of one as 1."),
        "principles", Column("without correlation", 2),
    ]  # fmt: skip
    blocks.append(Table(columns, rows, "The effective number of voters."))
    pairs: list[list[Cell]] = [
        [name, other, float(found.soft[i, j]), int(found.pairs[i, j])]
        for i, name in enumerate(found.principles)
        for j, other in enumerate(found.principles[:i])
    ]
    if pairs:
        pairs.sort(key=lambda row: (math.isnan(float(str(row[2]))), -float(str(row[2]))))
        titles: list[Column | str] = [
            "principle", "other principle", Column("correlation", 2), "pairs",
        ]  # fmt: skip
        table = Table(titles, pairs, "Correlations, the highest first.", shown=10)
        blocks.append(Fold("All correlations", [table]))
    blocks.append(
        Text(["Principles that agree because a response is plainly better are correlated too."])
    )
    return Section("agreement", "Agreement between principles", blocks)


def _position_section(report: ConstitutionReport) -> Section:
    """How far the order in which responses are shown decides."""
    blocks: list[Block] = [Text(list(report.on_position()))]
    if report.position[0].both_orders:
        known = [row for row in report.position if not math.isnan(row.bias.value)]
        known = [known[0], *sorted(known[1:], key=lambda row: -row.bias.value)]
        blocks += [
            interval_chart(
                "Position bias of each principle; on the right for the response shown first.",
                [_dot(row.name, row.bias) for row in known], x="position bias", name="principle",
                reference=0.0, link="principle",
            ),
            interval_chart(
                "Share of the pairs on which the order changes the preferred response.",
                [_dot(row.name, row.flips) for row in known], x="share of the pairs", name="principle",
                link="principle",
            ),
        ]  # fmt: skip
    rows: list[list[Cell]] = [
        [row.name, row.bias, row.flips, row.both_orders, row.one_order, row.remaining]
        for row in report.position
    ]
    columns: list[Column | str] = [
        "principle",
        Column("bias", 3, "Half of the mean difference between the probability that a response is preferred "
               "when it is shown first and when it is shown second."),
        Column("order decides", 3), "both orders", "one order", Column("bias that remains", 3),
    ]  # fmt: skip
    blocks.append(Table(columns, rows, "Position bias of each principle."))
    return Section("position", "Position bias", blocks)


def _reliability_section(report: ConstitutionReport) -> Section | None:
    """How far the judge agrees with planted truth and with people."""
    if not report.reliability:
        return None
    known = [row for row in report.reliability if not math.isnan(row.kappa.value)]
    dots = [
        Dot(row.name, row.kappa.value, row.kappa.low, row.kappa.high, REFERENCES[row.reference])
        for row in known
    ]
    chart = interval_chart(
        "Cohen's kappa of each principle, and of the order by each rule.", dots, x="Cohen's kappa",
        name="principle", series="with", reference=0.0, link="principle",
    )  # fmt: skip
    rows: list[list[Cell]] = [
        [
            row.name, REFERENCES[row.reference], row.pairs, row.ties, row.accuracy, row.kappa,
            row.calibration_error, row.brier,
        ]
        for row in report.reliability
    ]  # fmt: skip
    columns: list[Column | str] = [
        "principle or rule", "with", "comparisons", "left open", Column("accuracy", 3),
        Column("kappa", 3, "About the comparisons in which both prefer a response, like accuracy."),
        Column("calibration error", 3, "Expected calibration error with ten bins."),
        Column("Brier score", 3, "Mean squared difference between label and share of votes."),
    ]  # fmt: skip
    table = Table(columns, rows, "Agreement of the judge with planted truth and human labels.")
    title = "The judge's agreement with truth and with people"
    return Section("reliability", title, [*([chart] if known else []), table])


def _stages_section(report: ConstitutionReport) -> Section | None:
    """The mean of every measure from stage to stage."""
    if not report.stages:
        return None
    blocks: list[Block] = []
    for measure in dict.fromkeys(row.measure for row in report.stages):
        rows = [row for row in report.stages if row.measure == measure]
        blocks.append(
            interval_chart(
                f"{measure[0].upper()}{measure[1:]} at every stage.",
                [_dot(row.stage, row.mean) for row in rows], x=measure, name="stage", link="stage",
            )
        )  # fmt: skip
    cells: list[list[Cell]] = [
        [row.measure, row.stage, row.mean, row.mean.drawn, row.change] for row in report.stages
    ]
    columns: list[Column | str] = [
        "measure", "stage", Column("mean", 3), "prompts",
        Column("difference to the first", 3, "Paired: about the prompts that both stages have."),
    ]  # fmt: skip
    blocks.append(Table(columns, cells, "Means at every stage; 95 % intervals.", shown=40))
    return Section("stages", "From stage to stage", blocks)


def _evasiveness_section(report: ConstitutionReport) -> Section | None:
    """How many texts refuse, or say no more than that they don't know."""
    if not report.evasiveness:
        return None
    rows: list[list[Cell]] = [
        [row.name, row.texts, row.refusals, row.unsure] for row in report.evasiveness
    ]
    columns: list[Column | str] = [
        "texts",
        "number",
        Column("refusals", 3),
        Column('"I don\'t know"', 3),
    ]
    note = (
        'Refusals and "I don\'t know" are found by English phrases, so these shares are estimates.'
    )
    table = Table(columns, rows, "Texts that evade; 95 % intervals.")
    return Section("evasiveness", "Evasiveness", [table, Text([note])])


def _refusal_section(report: ConstitutionReport) -> Section | None:
    """How many safe prompts are refused, and unsafe ones answered."""
    if not report.over_refusal:
        return None
    rows: list[list[Cell]] = [
        [row.name, row.safe_refused, row.safe, row.unsafe_answered, row.unsafe]
        for row in report.over_refusal
    ]
    columns: list[Column | str] = [
        "texts", Column("safe prompts refused", 3), "responses to safe prompts",
        Column("unsafe prompts answered", 3), "responses to unsafe prompts",
    ]  # fmt: skip
    kinds = dict.fromkeys(kind for row in report.over_refusal for kind in row.by_type)
    by_type: list[list[Cell]] = [
        [kind, *[row.by_type.get(kind) for row in report.over_refusal]] for kind in kinds
    ]
    types: list[Column | str] = [
        "type of prompt",
        *[Column(row.name, 2) for row in report.over_refusal],
    ]
    return Section("refusal", "Over-refusal", [
        Table(columns, rows, "Refusals of safe prompts and answers to unsafe ones; 95 % intervals."),
        Table(types, by_type, "Share of the responses that refuse, by type of prompt."),
    ])  # fmt: skip


def _divided_section(divided: Sequence[Mapping[str, Any]]) -> Section | None:
    """Pairs of texts on which the principles disagree most."""
    if not divided:
        return None
    blocks = [
        SideBySide(
            one["prompt"],
            [
                Card(
                    f"preferred by {len(side['principles'])} principles",
                    side["text"],
                    [", ".join(side["principles"]) or "no principle"],
                )
                for side in one["sides"]
            ],
        )
        for one in divided
    ]
    return Section("divided", "Pairs on which the principles are most divided", blocks)


def _dot(name: str, one: Figure) -> Dot:
    return Dot(name, one.value, one.low, one.high)
