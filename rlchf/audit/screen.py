"""The audit as tables for the screen."""

import math
from collections.abc import Iterator

from rich.table import Table

from rlchf.audit.agreement import Agreement
from rlchf.audit.bootstrap import Interval
from rlchf.audit.report import Audit

LISTED = 20  # annotators that are listed where there are no groups


def tables(report: Audit) -> Iterator[Table | str]:
    """What `rlchf audit` shows: agreement, equality, axioms, majorities."""
    yield agreement_table(report)
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


def agreement_table(report: Audit) -> Table:
    """One row for all, then per group, or per annotator if there are no groups and few annotators."""
    headers = (
        report.rule, "weight", "all\npairs", "con-\ntested", "first\nplace", "got /\ndue", "most\nshort",
        "dry\nspell", "quota\nkept", "influ-\nence",
    )  # fmt: skip
    table = _table(*headers)
    for n, row in enumerate(_shown(report)):
        cells = [number(row.weight), number(row.pairs), number(row.contested), number(row.top)]
        if n > 0:
            cells += [number(row.ratio, 2), number(row.shortfall, 1), str(row.dry_spell)]
            cells += [number(row.quota), number(row.influence)]
        table.add_row(row.name, *cells)
    return table


def intervals_table(report: Audit) -> Table:
    """The bootstrap's intervals, for all and per group."""
    measures = ("pairs", "contested", "top", "ratio")
    table = _table("95 % intervals", "all pairs", "contested", "first place", "got / due")
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
    names = [verdict.axiom for verdict in next(iter(report.axioms.values()))]
    strong = [name for name in names if not name.startswith("weak")]
    table = Table(box=None)
    for name in ("justified representation", *strong, "worst group"):
        table.add_column(name, no_wrap=name != "worst group")
    for unit, verdicts in report.axioms.items():
        found = {verdict.axiom: verdict for verdict in verdicts if verdict.axiom in strong}
        marks = [{True: "yes", False: "no", None: "none found"}[v.holds] for v in found.values()]
        worst = max(found.values(), key=lambda v: v.deserved - v.got)
        text = ""
        if worst.holds is False:
            people = "annotator" if worst.members == 1 else "annotators"
            text = f"{worst.members} {people}: {worst.got:g} of {worst.deserved:g} ({worst.axiom})"
        table.add_row(unit, *marks, text)
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
