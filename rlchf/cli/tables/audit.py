"""Tables of an audit."""

import math
from collections.abc import Iterator, Sequence

from rich.table import Table

from rlchf.auditing.agreement import Agreement
from rlchf.auditing.estimates import Estimate
from rlchf.auditing.held_out import Interval, Shares, count_members, low_outliers
from rlchf.auditing.report import Audit
from rlchf.auditing.spread import Spread
from rlchf.auditing.stages import StageShares, first_places_sentence
from rlchf.auditing.standing import by_position
from rlchf.auditing.weighting import WeightedFigures
from rlchf.cli.tables import LISTED, make_table, number
from rlchf.cli.tables.standing import standing_tables, with_interval
from rlchf.display import counted, listed, percent

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
    labels = first_places_sentence(report.stages)
    if labels:
        yield f" {labels}"
        yield ""
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
    if report.weights:
        yield ""
        yield weights_table(report.weights)
        yield from weights_sentences(report.weights)
    if report.axioms:
        yield ""
        yield axioms_table(report)
        yield axioms_sentence(report)
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
    yield from in_sample_sentences(report)


def in_sample_sentences(report: Audit) -> Iterator[str]:
    """What the columns are, and what is not shown."""
    if all_contested(report):
        yield " (every pair is contested, so that agreement on contested pairs is that on all pairs)"
    if len(_shown(report)) > 1:
        yield (
            " (losing streak: most prompts in a row whose first response none of its ballots approves; "
            "lower quota: share of the prompts after which an annotator has won at least as often as is due "
            "by support, rounded down; influence: that of a prompt is shared by those who approve its first "
            "response, by weight)"
        )
    hidden = len(report.annotators) if report.groups or len(report.annotators) > LISTED else 0
    if hidden:
        yield f" ({hidden} annotators: see --json or --out)"


def all_contested(report: Audit) -> bool:
    """Whether every pair is contested and the tables would show the same figures twice."""
    held_out = {(one.name, one.measure): with_interval(_estimate(one)) for one in report.intervals}
    return (
        report.margins.contested == 1
        and all(number(row.pairs) == number(row.contested) for row in _shown(report))
        and all(
            held_out[name, "pairs"] == text
            for (name, measure), text in held_out.items()
            if measure == "contested"
        )
    )


def _approval_lines(report: Audit) -> Iterator[str]:
    """Where approvals come from, how many responses a majority approves, who approves nothing that won."""
    approvals = report.approvals
    yield f" {approvals.how[0].upper()}{approvals.how[1:]}."
    none, one, several = approvals.majorities.values()
    yield (
        f" A majority approves exactly one response on {one:,} of {counted(none + one + several, 'prompt')}, "
        f"several on {several:,}, none on {none:,}."
    )
    if approvals.without:
        names = ", ".join(approvals.without[:3]) + (", ..." if len(approvals.without) > 3 else "")
        people = counted(len(approvals.without), "annotator")
        share = number(approvals.without_weight)
        which = (
            "nothing that won"
            if approvals.seats == 1
            else f"none of the {approvals.seats} that won"
        )
        verb = "approves" if len(approvals.without) == 1 else "approve"
        yield f" {people} ({names}), with {share} of the weight, {verb} {which}."


def held_out_table(report: Audit) -> Table:
    """Agreement held out with 95 % intervals, for all and by group."""
    measures = [m for m in MEASURES if m != "contested" or not all_contested(report)]
    titles = (MEASURES[measure] for measure in measures)
    table = make_table(f"{report.rule},\n{sample(report)}", "weight", *titles)
    weights = {row.name: row.weight for row in (report.overall, *report.groups)}
    for name in dict.fromkeys(one.name for one in report.intervals):
        figures = {one.measure: one for one in report.intervals if one.name == name}
        cells = (with_interval(_estimate(figures[measure])) for measure in measures)
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
    if held_out.prompts == 1:
        yield " There is one prompt only: the intervals say nothing of other prompts."
    ratios = [one for one in report.intervals if one.measure == "representation_ratio"]
    if ratios:
        shown = (f"{one.name} {with_interval(_estimate(one))}" for one in ratios)
        yield f" Representation ratio: {listed(list(shown))}."
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
        yield _low_sentence(low, held_out.annotators)
    if held_out.left_out:
        yield (
            f" Not held out: {counted(held_out.left_out, 'prompt')} with too many ballots and responses."
        )


def _low_sentence(low: Sequence[Shares], annotators: Sequence[Shares]) -> str:
    """Who agrees on far fewer contested pairs than most, and of which groups they are."""
    shown = (f"{row.name} {number(row.contested, 2)}" for row in low)
    of_groups = [
        f"all {n} of {name}" if n == size else f"{n} of the {size} of {name}"
        for name, (n, size) in count_members(low, annotators).items()
    ]
    which = f", {listed(of_groups)}" if of_groups else ""
    people = counted(len(low), "annotator")
    return (
        f" Agree on far fewer contested pairs than most: {people}{which} ({listed(list(shown))})."
    )


def agreement_table(report: Audit) -> Table:
    """One row for all, then per group, or per annotator if there are no groups and few annotators."""
    contested = not all_contested(report)
    deficits = any(not math.isnan(row.maximum_deficit) for row in report.groups)
    table = make_table(
        f"{report.rule},\nin sample", "weight", "all\npairs", *["con-\ntested"] * contested, "first\nplace",
        "losing\nstreak", "lower\nquota", "influ-\nence", *(["max.\ndeficit"] if deficits else []),
    )  # fmt: skip
    all_row, *rows = _shown(report)
    table.add_row(all_row.name, *_shares(all_row, contested))
    for row in rows:
        cells = _shares(row, contested)
        cells += [
            str(row.longest_losing_streak), number(row.lower_quota_compliance), number(row.influence),
        ]  # fmt: skip
        if deficits:
            cells.append(number(row.maximum_deficit, 1))
        table.add_row(row.name, *cells)
    return table


def _shares(row: Agreement, contested: bool) -> list[str]:
    shares = row.weight, row.pairs, *[row.contested] * contested, row.first_place
    return [number(x) for x in shares]


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
    rows = {
        names[measure]: [number(x) for x in (w.mean, w.nash, w.harmonic, w.minimum, w.gini)]
        for measure, w in (held_out.welfare if held_out else report.welfare).items()
    }
    if all_contested(report) and rows["contested pairs"] == rows["all pairs"]:
        del rows["contested pairs"]
    for name, cells in rows.items():
        table.add_row(name, *cells)
    table.add_row("influence (in sample)", "", "", "", "", number(report.influence_gini))
    return table


def weights_table(figures: WeightedFigures) -> Table:
    """Who counts for how much, and agreement with and without the weights."""
    table = make_table(
        "with and without\nweights", "people", "of the\npeople", "of the\nweight",
        "all pairs,\nraw", "all pairs,\nweighted", "first place,\nraw", "first place,\nweighted",
    )  # fmt: skip
    for row in figures.rows:
        shares = row.people_share, row.weight_share, row.pairs_raw, row.pairs
        first = row.first_place_raw, row.first_place
        table.add_row(row.name, f"{row.people:,}", *(number(x) for x in (*shares, *first)))
    return table


def weights_sentences(figures: WeightedFigures) -> Iterator[str]:
    """What the weights cost, and who has none."""
    yield (
        f" (agreement in sample; design effect of the weights {figures.design_effect:.3f}: "
        f"{counted(figures.people, 'annotator')} are as sure as {figures.effective_sample_size:.1f} with "
        "equal weights)"
    )
    if figures.without:
        have, count = ("has", "counts") if figures.without == 1 else ("have", "count")
        people = counted(figures.without, "annotator")
        yield f" {people} with ballots {have} the weight 0 and {count} nowhere."


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


def axioms_sentence(report: Audit) -> str:
    """What the axioms do not say, and which groups stand low though all axioms hold."""
    text = (
        " (these axioms are minimum requirements: a group can satisfy them all and be served less than by a "
        "random order"
    )
    verdicts = [verdict.holds for unit in report.axioms.values() for verdict in unit]
    low = [row.name for row in by_position(report.standings) if row.losing]
    if low and False not in verdicts:
        text += f", as here: {listed(low)}"
    return f"{text})"


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
    sizes = [f"{size} on {count:,}" for size, count in m.smith.items()]
    close, *more = [
        (f"less than {100 * float(x):g} %", percent(part)) for x, part in m.closer.items()
    ]
    closer = "".join(f", by {lead} on {part}" for lead, part in more)
    return (
        f"{_price(report)}"
        f" Of {counted(m.prompts, 'prompt')}, {percent(m.condorcet)} have a Condorcet winner, which beats "
        "every other response by majority;\n"
        f" on {percent(m.cycles)} some majorities form a cycle, which may lie below the winner.\n"
        f" Prompts by the size of their Smith set: {', '.join(sizes)}.\n"
        f" Of {counted(m.pairs, 'pair')} of responses, {percent(m.contested)} are contested and "
        f"{percent(m.tied)} tied.\n"
        f" The majority leads by {close[0]} of the weight on {close[1]} of the pairs{closer}."
    )


def _price(report: Audit) -> str:
    """The price of fairness; nothing to report for Kemeny's own rule."""
    price, large = report.price_of_fairness, report.large_prompts
    if report.rule == "kemeny" and not price >= 0.0005:
        return " Price of fairness: none, since the rule is Kemeny's.\n"
    small = counted(report.margins.prompts - large, "prompt")
    where = f", on {small} with up to 8 responses" if large else ""
    return f" Price of fairness (agreement lost against Kemeny{where}): {number(price)}.\n"
