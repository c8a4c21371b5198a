"""Tables of an audit."""

import math
from collections.abc import Iterator, Sequence

from rich.table import Table

from rlchf.auditing.agreement import Agreement
from rlchf.auditing.bootstrap import Interval
from rlchf.auditing.report import Audit
from rlchf.auditing.spread import Spread
from rlchf.auditing.stages import StageShares
from rlchf.cli.tables import LISTED, make_table, number
from rlchf.cli.tables.standing import standing_tables
from rlchf.display import counted

MEASURES = {
    "pairs": "all pairs",
    "contested": "contested",
    "first_place": "first place",
}


def tables(report: Audit) -> Iterator[Table | str]:
    """The tables of `rlchf audit`, one after the other, with sentences."""
    yield agreement_table(report)
    if report.scores:
        yield ""
        yield agreement_table(report.scores)
    hidden = len(report.annotators) if report.groups or len(report.annotators) > LISTED else 0
    if hidden:
        yield f" ({hidden} annotators: see --json or --out)"
    if report.standings:
        yield ""
        yield from standing_tables(report)
        if report.scores:
            yield ""
            yield from standing_tables(report.scores)
    if report.intervals:
        yield ""
        yield intervals_table(report)
    yield ""
    yield from _approval_lines(report)
    if report.anonymous:
        yield (
            f" ({report.anonymous:,} annotators are anonymous, so that an id does not stand for one person: "
            "no figures of single people)"
        )
    else:
        yield ""
        yield equality_table(report)
    if report.axioms:
        yield ""
        yield axioms_table(report)
    yield ""
    yield majorities(report)
    for title, table in stages_tables(report.stages):
        yield ""
        yield title
        yield table
    if report.spread:
        yield ""
        yield spread_table(report.spread)


def _approval_lines(report: Audit) -> Iterator[str]:
    """Where approvals come from, how many responses a majority approves, who approves nothing that won."""
    approvals = report.approvals
    yield f" {approvals.how[0].upper()}{approvals.how[1:]}."
    counts = ", ".join(f"{name} on {n:,}" for name, n in approvals.majorities.items())
    yield f" Prompts by their number of majority-approved responses: {counts}."
    if approvals.without:
        names = ", ".join(approvals.without[:3]) + (", ..." if len(approvals.without) > 3 else "")
        people = counted(len(approvals.without), "annotator")
        share = number(approvals.without_weight)
        which = (
            "nothing that won"
            if approvals.seats == 1
            else f"none of the {approvals.seats} that won"
        )
        yield f" Approve {which}: {people} ({names}), {share} of the weight."


def agreement_table(report: Audit) -> Table:
    """One row for all, then per group, or per annotator if there are no groups and few annotators."""
    table = make_table(
        report.rule, "weight", "all\npairs", "con-\ntested", "first\nplace",
        "losing\nstreak", "lower\nquota", "influ-\nence",
    )  # fmt: skip
    all_row, *rows = _shown(report)
    table.add_row(all_row.name, *_shares(all_row))
    for row in rows:
        cells = _shares(row)
        cells += [
            str(row.longest_losing_streak), number(row.lower_quota_compliance), number(row.influence),
        ]  # fmt: skip
        table.add_row(row.name, *cells)
    return table


def _shares(row: Agreement) -> list[str]:
    return [number(x) for x in (row.weight, row.pairs, row.contested, row.first_place)]


def intervals_table(report: Audit) -> Table:
    """The bootstrap's intervals, for all and per group."""
    table = make_table("in sample,\n95 % intervals", *MEASURES.values())
    for name in dict.fromkeys(interval.name for interval in report.intervals):
        spans = {one.measure: _span(one) for one in report.intervals if one.name == name}
        table.add_row(name, *(spans[measure] for measure in MEASURES))
    return table


def _span(interval: Interval) -> str:
    low, high = number(interval.low), number(interval.high)
    return low if low == "-" else f"{low}-{high}"


def _shown(report: Audit) -> list[Agreement]:
    rows = report.groups
    if not rows and len(report.annotators) <= LISTED:
        rows = report.annotators
    return [report.overall, *rows]


def equality_table(report: Audit) -> Table:
    """Welfare and Gini coefficients over the annotators."""
    table = make_table("over annotators", "mean", "Nash", "harmonic", "lowest", "Gini")
    names = {"pairs": "all pairs", "contested": "contested pairs", "first_place": "first places"}
    for measure, w in report.welfare.items():
        figures = (w.mean, w.nash, w.harmonic, w.minimum, w.gini)
        table.add_row(names[measure], *(number(x) for x in figures))
    table.add_row("influence", "", "", "", "", number(report.influence_gini))
    return table


def axioms_table(report: Audit) -> Table:
    """The axioms that hold, and the group that violates one most."""
    strong = ("JR", "PJR", "EJR", "EJR+")
    table = Table(box=None)
    for name in ("justified representation", *strong, "worst group"):
        table.add_column(name, no_wrap=name != "worst group")
    for unit, verdicts in report.axioms.items():
        if not verdicts:
            table.add_row(unit, *["-"] * len(strong), "no contested pairs")
            continue
        shown = [verdict for verdict in verdicts if verdict.axiom in strong]
        marks = [{True: "yes", False: "no", None: "none found"}[v.holds] for v in shown]
        worst = max(shown, key=lambda v: v.deserved - v.received)
        text = ""
        if worst.holds is False:
            people = "annotator" if worst.members == 1 else "annotators"
            text = f"{worst.members} {people}: {worst.received:g} of {worst.deserved:g} ({worst.axiom})"
        table.add_row(unit, *marks, text)
    return table


def stages_tables(stages: Sequence[StageShares]) -> Iterator[tuple[str, Table]]:
    """For each group, a title and a table of its share at every stage."""
    for name in dict.fromkeys(group.name for stage in stages for group in stage.groups):
        rows = [(stage, g) for stage in stages for g in stage.groups if g.name == name]
        prefers = max((group.prefers for _, group in rows), key=len)
        preferred = ", ".join(
            category if part > 0.9995 else f"{category} ({number(part)})"
            for category, part in sorted(prefers.items(), key=lambda item: -item[1])
        )
        table = make_table(
            "stage", "measured on", "share", "95 % interval", "proportional", "ratio"
        )
        table.columns[1].justify = "left"
        for stage, group in rows:
            span = "" if math.isnan(group.low) else f"{number(group.low)}-{number(group.high)}"
            ratio = number(group.representation_ratio, 2)
            cells = number(group.share), span, number(group.proportional_share), ratio
            table.add_row(stage.stage, stage.measure, *cells)
        yield f" {name}, by stage" + (f"; prefers {preferred}" if preferred else ""), table


def spread_table(rows: Sequence[Spread]) -> Table:
    """How far shares of contested pairs differ over shuffles of the prompts."""
    table = make_table("over shuffles of the prompts", "as given", "mean", "lowest", "highest")
    for row in rows:
        if row.measure in ("contested", "ranking"):
            name = row.name if row.measure == "ranking" else f"{row.name}, contested pairs"
            figures = row.input, row.mean, row.lowest, row.highest
            table.add_row(name, *(number(x) for x in figures))
    return table


def majorities(report: Audit) -> str:
    """The price of fairness and the majorities, in sentences."""
    m = report.margins
    sizes = ", ".join(f"{size}: {count}" for size, count in m.smith.items())
    close = ", ".join(f"{100 * float(x):g} %: {number(part)}" for x, part in m.closer.items())
    return (
        f" Price of fairness (agreement lost against Kemeny): {number(report.price_of_fairness)}.\n"
        f" Of {counted(m.prompts, 'prompt')} {number(m.condorcet)} have a Condorcet winner, "
        f"{number(m.cycles)} a majority cycle;\n"
        f" Smith sets by size: {sizes}.\n"
        f" Of {counted(m.pairs, 'pair')} {number(m.contested)} are contested, {number(m.tied)} tied;\n"
        f" decided by less than {close}."
    )
