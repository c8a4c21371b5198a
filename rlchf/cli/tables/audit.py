"""Tables of an audit."""

import math
from collections.abc import Iterator, Sequence

from rich.table import Table

from rlchf.auditing.agreement import Agreement
from rlchf.auditing.estimates import Estimate
from rlchf.auditing.held_out import Interval, low_outliers
from rlchf.auditing.report import Audit
from rlchf.auditing.spread import Spread
from rlchf.auditing.stages import StageShares
from rlchf.cli.tables import LISTED, make_table, number
from rlchf.cli.tables.standing import names, standing_tables, with_interval
from rlchf.display import counted

FEW = 10
"""Annotators, with fewer than which the outcome without one of them is noticeably another."""

SPARSE = 5
"""Ballots per prompt, with fewer than which contested pairs are mostly ties without one ballot."""

MEASURES = {
    "pairs": "all pairs",
    "contested": "contested",
    "first_place": "first place",
}


def tables(report: Audit) -> Iterator[Table | str]:
    """The tables of `rlchf audit`, one after the other, with sentences."""
    for part in (report, report.scores):
        if part:
            yield from _agreement(part)
            yield ""
    yield from _approval_lines(report)
    if report.anonymous:
        yield (
            f" ({report.anonymous:,} annotators are anonymous, so that an id does not stand for one person: "
            "no figures of single people, and none held out)"
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


def _agreement(report: Audit) -> Iterator[Table | str]:
    """Where groups stand, agreement held out, and agreement in sample."""
    if report.standings:
        yield from standing_tables(report)
        yield ""
    if report.intervals:
        yield held_out_table(report)
        yield from held_out_sentences(report)
        yield ""
    yield agreement_table(report)
    hidden = len(report.annotators) if report.groups or len(report.annotators) > LISTED else 0
    if hidden:
        yield f" ({hidden} annotators: see --json or --out)"


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


def held_out_table(report: Audit) -> Table:
    """Agreement held out with 95 % intervals, for all and by group."""
    table = make_table(f"{report.rule},\n{sample(report)}", "weight", *MEASURES.values())
    weights = {row.name: row.weight for row in (report.overall, *report.groups)}
    for name in dict.fromkeys(one.name for one in report.intervals):
        figures = {one.measure: one for one in report.intervals if one.name == name}
        cells = (with_interval(_estimate(figures[measure])) for measure in MEASURES)
        table.add_row(name, number(weights[name]), *cells)
    return table


def _estimate(one: Interval) -> Estimate:
    return Estimate(one.value, one.low, one.high)


def sample(report: Audit) -> str:
    """Whether agreement was held out."""
    return "held out" if report.held_out and report.held_out.again else "as given"


def held_out_sentences(report: Audit) -> Iterator[str]:
    """What the intervals are about, and what is not counted."""
    held_out = report.held_out
    assert held_out is not None
    yield " (95 % intervals in brackets, for other annotators and other prompts like these)"
    ratios = [one for one in report.intervals if one.measure == "representation_ratio"]
    if ratios:
        shown = (f"{one.name} {with_interval(_estimate(one))}" for one in ratios)
        yield f" Representation ratio: {names(list(shown))}."
    if not held_out.again:
        yield " The agreement is with the outcome as given, which may have been made from these ballots."
    elif len(held_out.annotators) < FEW:
        yield (
            f" With {counted(len(held_out.annotators), 'annotator')}, an outcome without one of them is "
            "noticeably worse than theirs, so the figures held out are rather too low."
        )
    if held_out.ballots_per_prompt < SPARSE:
        yield (
            f" With {held_out.ballots_per_prompt:.1f} ballots per prompt, agreement on contested pairs is "
            "near one half by construction, since of two others who disagree neither wins; look at all pairs."
        )
    low = low_outliers(held_out.annotators)
    if low:
        shown = (f"{row.name} {number(row.contested, 2)}" for row in low)
        yield (
            f" Agree on far fewer contested pairs than most: {counted(len(low), 'annotator')} "
            f"({names(list(shown))})."
        )
    if held_out.left_out:
        yield (
            f" Not held out: {counted(held_out.left_out, 'prompt')} with too many ballots and responses."
        )


def agreement_table(report: Audit) -> Table:
    """One row for all, then per group, or per annotator if there are no groups and few annotators."""
    deficits = any(not math.isnan(row.maximum_deficit) for row in report.groups)
    table = make_table(
        f"{report.rule},\nin sample", "weight", "all\npairs", "con-\ntested", "first\nplace",
        "losing\nstreak", "lower\nquota", "influ-\nence", *(["max.\ndeficit"] if deficits else []),
    )  # fmt: skip
    all_row, *rows = _shown(report)
    table.add_row(all_row.name, *_shares(all_row))
    for row in rows:
        cells = _shares(row)
        cells += [
            str(row.longest_losing_streak), number(row.lower_quota_compliance), number(row.influence),
        ]  # fmt: skip
        if deficits:
            cells.append(number(row.maximum_deficit, 1))
        table.add_row(row.name, *cells)
    return table


def _shares(row: Agreement) -> list[str]:
    return [number(x) for x in (row.weight, row.pairs, row.contested, row.first_place)]


def _shown(report: Audit) -> list[Agreement]:
    rows = report.groups
    if not rows and len(report.annotators) <= LISTED:
        rows = report.annotators
    return [report.overall, *rows]


def equality_table(report: Audit) -> Table:
    """Welfare and Gini coefficients over the annotators."""
    held_out = report.held_out
    title = f"over annotators,\n{sample(report) if held_out else 'in sample'}"
    table = make_table(title, "mean", "Nash", "harmonic", "lowest", "Gini")
    names = {"pairs": "all pairs", "contested": "contested pairs", "first_place": "first places"}
    for measure, w in (held_out.welfare if held_out else report.welfare).items():
        figures = (w.mean, w.nash, w.harmonic, w.minimum, w.gini)
        table.add_row(names[measure], *(number(x) for x in figures))
    table.add_row("influence (in sample)", "", "", "", "", number(report.influence_gini))
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
    small = m.prompts - report.large_prompts
    where = (
        f", on {counted(small, 'prompt')} with up to 8 responses" if report.large_prompts else ""
    )
    return (
        f" Price of fairness (agreement lost against Kemeny{where}): "
        f"{number(report.price_of_fairness)}.\n"
        f" Of {counted(m.prompts, 'prompt')} {number(m.condorcet)} have a Condorcet winner, "
        f"{number(m.cycles)} a majority cycle;\n"
        f" Smith sets by size: {sizes}.\n"
        f" Of {counted(m.pairs, 'pair')} {number(m.contested)} are contested, {number(m.tied)} tied;\n"
        f" decided by less than {close}."
    )
