"""The audit as tables for the screen."""

import math
from collections.abc import Iterator, Sequence

from rich.table import Table

from rlchf.auditing.agreement import Agreement
from rlchf.auditing.bootstrap import Interval
from rlchf.auditing.report import Audit
from rlchf.auditing.spread import Spread
from rlchf.auditing.stages import Step

LISTED = 20  # annotators that are listed where there are no groups


def tables(report: Audit) -> Iterator[Table | str]:
    """What `rlchf audit` shows: agreement, equality, axioms, majorities."""
    yield agreement_table(report)
    if report.scores:
        yield ""
        yield agreement_table(report.scores)
    hidden = len(report.annotators) if report.groups or len(report.annotators) > LISTED else 0
    if hidden:
        yield f" ({hidden} annotators: see --json or --out)"
    if report.intervals:
        yield ""
        yield intervals_table(report)
    yield ""
    yield equality_table(report)
    if report.axioms:
        yield ""
        yield axioms_table(report)
    yield ""
    yield majorities(report)
    for title, table in steps_tables(report.steps):
        yield ""
        yield title
        yield table
    if report.spread:
        yield ""
        yield spread_table(report.spread)


def agreement_table(report: Audit) -> Table:
    """One row for all, then per group, or per annotator if there are no groups and few annotators."""
    due = ("got /\ndue", "most\nshort") if report.groups else ()  # means little for one annotator
    headers = (
        report.rule, "weight", "all\npairs", "con-\ntested", "first\nplace", *due,
        "dry\nspell", "quota\nkept", "influ-\nence",
    )  # fmt: skip
    table = _table(*headers)
    for n, row in enumerate(_shown(report)):
        cells = [number(row.weight), number(row.pairs), number(row.contested), number(row.top)]
        if n > 0:
            cells += [number(row.ratio, 2), number(row.shortfall, 1)] if due else []
            cells += [str(row.dry_spell), number(row.quota), number(row.influence)]
        table.add_row(row.name, *cells)
    return table


def intervals_table(report: Audit) -> Table:
    """The bootstrap's intervals, for all and per group."""
    measures = ("pairs", "contested", "top", *(("ratio",) if report.groups else ()))
    names = {
        "pairs": "all pairs",
        "contested": "contested",
        "top": "first place",
        "ratio": "got / due",
    }
    table = _table("95 % intervals", *(names[measure] for measure in measures))
    for name in dict.fromkeys(interval.name for interval in report.intervals):
        mine = {i.measure: _span(i) for i in report.intervals if i.name == name}
        table.add_row(name, *(mine[m] for m in measures if m != "ratio" or name != "all"))
    return table


def _span(interval: Interval) -> str:
    low, high = number(interval.low), number(interval.high)
    return low if low == "-" else f"{low}-{high}"


def _shown(report: Audit) -> list[Agreement]:
    rows = report.groups
    if not rows and len(report.annotators) <= LISTED:
        rows = report.annotators
    return [report.overall, *rows]


def _table(first: str, *others: str) -> Table:
    table = Table(box=None)
    table.add_column(first, vertical="bottom")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def equality_table(report: Audit) -> Table:
    """Welfare and Gini coefficients over the annotators."""
    table = _table("over annotators", "mean", "Nash", "harmonic", "lowest", "Gini")
    names = {"pairs": "all pairs", "contested": "contested pairs", "top": "first places"}
    for measure, w in report.welfare.items():
        figures = (w.mean, w.nash, w.harmonic, w.minimum, w.gini)
        table.add_row(names[measure], *(number(x) for x in figures))
    table.add_row("influence", "", "", "", "", number(report.influence_gini))
    return table


def axioms_table(report: Audit) -> Table:
    """Which axioms hold, and the group that falls short by most where one does not."""
    strong = ("JR", "PJR", "EJR", "EJR+")
    table = Table(box=None)
    for name in ("justified representation", *strong, "worst group"):
        table.add_column(name, no_wrap=name != "worst group")
    for unit, verdicts in report.axioms.items():
        if not verdicts:
            table.add_row(unit, *["-"] * len(strong), "nothing to contest")
            continue
        found = {verdict.axiom: verdict for verdict in verdicts if verdict.axiom in strong}
        marks = [{True: "yes", False: "no", None: "none found"}[v.holds] for v in found.values()]
        worst = max(found.values(), key=lambda v: v.deserved - v.got)
        text = ""
        if worst.holds is False:
            people = "annotator" if worst.members == 1 else "annotators"
            text = f"{worst.members} {people}: {worst.got:g} of {worst.deserved:g} ({worst.axiom})"
        table.add_row(unit, *marks, text)
    return table


def steps_tables(steps: Sequence[Step]) -> Iterator[tuple[str, Table]]:
    """For each group, what it got at every stage."""
    for name in dict.fromkeys(got.name for step in steps for got in step.groups):
        mine = [(step, got) for step in steps for got in step.groups if got.name == name]
        prefers = max((got.prefers for _, got in mine), key=len)
        liked = ", ".join(
            kind if part > 0.9995 else f"{kind} ({number(part)})"
            for kind, part in sorted(prefers.items(), key=lambda item: -item[1])
        )
        table = _table("stage", "measured on", "got", "95 % interval", "due", "got / due")
        table.columns[1].justify = "left"
        for step, got in mine:
            span = "" if math.isnan(got.low) else f"{number(got.low)}-{number(got.high)}"
            cells = number(got.share), span, number(got.due), number(got.ratio, 2)
            table.add_row(step.stage, step.measure, *cells)
        yield f" {name}, by stage" + (f"; prefers {liked}" if liked else ""), table


def spread_table(rows: Sequence[Spread]) -> Table:
    """How far shares of contested pairs differ over shuffles of the prompts."""
    table = _table("over shuffles of the prompts", "as given", "mean", "lowest", "highest")
    for row in rows:
        if row.measure in ("contested", "ranking"):
            name = row.name if row.measure == "ranking" else f"{row.name}, contested pairs"
            table.add_row(
                name, *(number(x) for x in (row.input, row.mean, row.lowest, row.highest))
            )
    return table


def majorities(report: Audit) -> str:
    """The price of proportionality and the majorities, in sentences."""
    m = report.margins
    sizes = ", ".join(f"{size}: {count}" for size, count in m.smith.items())
    close = ", ".join(f"{100 * float(x):g} %: {number(part)}" for x, part in m.closer.items())
    return (
        f" Price of proportionality (agreement lost against Kemeny): {number(report.price)}.\n"
        f" Of {m.prompts} prompts {number(m.condorcet)} have a Condorcet winner, "
        f"{number(m.cycles)} a majority cycle;\n"
        f" Smith sets by size: {sizes}.\n"
        f" Of {m.pairs} pairs {number(m.contested)} are contested, {number(m.tied)} tied;\n"
        f" decided by less than {close}."
    )


def number(value: float, digits: int = 3) -> str:
    """A number for a table; a dash for none.

    Examples
    --------
    >>> number(0.25), number(float("nan"))
    ('0.250', '-')
    """
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
