"""Tables of an audit."""

import math
from collections.abc import Iterator, Sequence

from rich.table import Table

from rlchf.auditing.agreement import Agreement
from rlchf.auditing.bootstrap import Interval
from rlchf.auditing.report import Audit
from rlchf.auditing.spread import Spread
from rlchf.auditing.stages import StageShares

LISTED = 20  # annotators in a table if there are no groups


def tables(report: Audit) -> Iterator[Table | str]:
    """The tables of `rlchf audit`: agreement, equality, axioms, majorities, stages, spread."""
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
    for title, table in stages_tables(report.stages):
        yield ""
        yield title
        yield table
    if report.spread:
        yield ""
        yield spread_table(report.spread)


def agreement_table(report: Audit) -> Table:
    """One row for all, then per group, or per annotator if there are no groups and few annotators."""
    # these two mean little for a single annotator
    of_groups = ("repr.\nratio", "max.\ndeficit") if report.groups else ()
    table = _table(
        report.rule,
        "weight",
        "all\npairs",
        "con-\ntested",
        "first\nplace",
        *of_groups,
        "losing\nstreak",
        "lower\nquota",
        "influ-\nence",
    )
    for n, row in enumerate(_shown(report)):
        cells = [
            number(row.weight),
            number(row.pairs),
            number(row.contested),
            number(row.first_place),
        ]
        if n > 0:
            cells += (
                [number(row.representation_ratio, 2), number(row.maximum_deficit, 1)]
                if of_groups
                else []
            )
            cells += [
                str(row.longest_losing_streak),
                number(row.lower_quota_compliance),
                number(row.influence),
            ]
        table.add_row(row.name, *cells)
    return table


def intervals_table(report: Audit) -> Table:
    """The bootstrap's intervals, for all and per group."""
    measures = (
        "pairs",
        "contested",
        "first_place",
        *(("representation_ratio",) if report.groups else ()),
    )
    names = {
        "pairs": "all pairs",
        "contested": "contested",
        "first_place": "first place",
        "representation_ratio": "repr. ratio",
    }
    table = _table("95 % intervals", *(names[measure] for measure in measures))
    for name in dict.fromkeys(interval.name for interval in report.intervals):
        spans = {i.measure: _span(i) for i in report.intervals if i.name == name}
        table.add_row(
            name, *(spans[m] for m in measures if m != "representation_ratio" or name != "all")
        )
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
        table = _table("stage", "measured on", "share", "95 % interval", "proportional", "ratio")
        table.columns[1].justify = "left"
        for stage, group in rows:
            span = "" if math.isnan(group.low) else f"{number(group.low)}-{number(group.high)}"
            ratio = number(group.representation_ratio, 2)
            cells = number(group.share), span, number(group.proportional_share), ratio
            table.add_row(stage.stage, stage.measure, *cells)
        yield f" {name}, by stage" + (f"; prefers {preferred}" if preferred else ""), table


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
    """The price of fairness and the majorities, in sentences."""
    m = report.margins
    sizes = ", ".join(f"{size}: {count}" for size, count in m.smith.items())
    close = ", ".join(f"{100 * float(x):g} %: {number(part)}" for x, part in m.closer.items())
    return (
        f" Price of fairness (agreement lost against Kemeny): {number(report.price_of_fairness)}.\n"
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
