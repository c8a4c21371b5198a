"""The sections of an audit's report, one for each kind of measure."""

import math
from collections.abc import Iterator, Sequence

from rlchf.auditing.estimates import Estimate
from rlchf.auditing.held_out import Interval
from rlchf.auditing.report import Audit
from rlchf.auditing.stages import StageShares
from rlchf.auditing.standing import Standing, by_position
from rlchf.auditing.standing_sentences import sentences
from rlchf.display import counted, percent
from rlchf.report.audit_people import people_section, weights_section
from rlchf.report.audit_words import MEASURES, held_out_again, ratios_of
from rlchf.report.charts import Dot, interval_chart
from rlchf.report.document import (
    Block,
    Cell,
    Column,
    Section,
    Table,
    Text,
)
from rlchf.report.tables import cell_text

SPARSE = 5
"""Ballots per prompt, with fewer than which contested pairs are mostly ties without one ballot."""
STRONG = ("JR", "PJR", "EJR", "EJR+")
AXIOMS = (*STRONG, "weak JR", "weak PJR", "weak EJR")
NONE = Estimate(*[float("nan")] * 3)


def audit_sections(report: Audit) -> list[Section]:
    """A section for each kind of measure that there is."""
    made = [
        standing_section(report), agreement_section(report), representation_section(report),
        justified_section(report), stages_section(report.stages), people_section(report),
        weights_section(report),
        majorities_section(report), order_section(report),
    ]  # fmt: skip
    return [section for section in made if section is not None]


def standing_section(report: Audit) -> Section | None:
    """Where groups stand between a random order and their own ranking."""
    rows = by_position(report.standings)
    if not rows:
        return None
    proportional = {one.name for one in ratios_of(report) if one.high >= 1}
    said = Text([one.strip() for one in sentences(rows, proportional)], listed=True)
    known = [row for row in rows if not math.isnan(row.agreed.value)]
    if not known:
        return Section("standing", "Where the groups stand", [said])
    blocks: list[Block] = [
        Text([
            "A position of 0 is that of a random order, 1 that of the group's own ranking.",
            "Every ballot is compared with rankings that were made without its annotator, so that the "
            "figures hold for people like the members.",
        ]),
    ]  # fmt: skip
    placed = [row for row in rows if not math.isnan(row.position.value)]
    if placed:
        position = interval_chart(
            "Position of each group, the lowest first.",
            [Dot(row.name, *row.position.figures) for row in placed],
            x="position", reference=0.0, link="group",
        )  # fmt: skip
        blocks.append(position)
    agreed = interval_chart(
        "Share of the contested pairs that agree with the outcome; half agree with a random order.",
        [Dot(row.name, *row.agreed.figures) for row in known],
        x="share of the contested pairs", reference=0.5, link="group",
    )  # fmt: skip
    blocks += [agreed, _standing_table(rows), said]
    return Section("standing", "Where the groups stand", blocks)


def _standing_table(rows: Sequence[Standing]) -> Table:
    columns: list[Column | str] = [
        "group", "people",
        Column("weight", 3, "The group's share of the weight of all ballots."),
        Column("position", 2, "0 is a random order, 1 the group's own ranking."),
        Column("outcome", 2, "Share of a member's contested pairs that agree with the outcome."),
        Column("ranking of others", 2, "The same for the ranking of everybody outside of the group."),
        Column("own ranking", 2, "The same for the ranking of the group's other members."),
        Column("group gains", 2, "What the share would rise by if the group's own ranking were the outcome."),
        Column("others lose", 2, "What the share of those outside would fall by then."),
    ]  # fmt: skip
    cells: list[list[Cell]] = [
        [
            row.name, row.annotators, row.weight, row.position, row.agreed, row.others, row.best,
            row.gain, row.cost,
        ]
        for row in rows
    ]  # fmt: skip
    return Table(columns, cells, "Where the groups stand, the lowest first; 95 % intervals.")


def agreement_section(report: Audit) -> Section:
    """Agreement of everybody and of each group, held out with intervals, and in sample."""
    blocks: list[Block] = []
    if report.intervals:
        shown = [one for one in _lowest_first(report) if one.measure in MEASURES]
        dots = [Dot(one.name, one.value, one.low, one.high, MEASURES[one.measure]) for one in shown]
        how = "held out" if held_out_again(report) else "with the outcome as given"
        blocks += [
            interval_chart(
                f"Agreement of the collective rankings with the ballots, {how}.", dots,
                x="share that agrees", series="measure", reference=0.5, link="group",
                link_series="measure",
            ),
            _held_out_table(report, how),
            *_held_out_notes(report),
        ]  # fmt: skip
    columns: list[Column | str] = [
        "group", "ballots", Column("weight", 3, "Share of the weight of all ballots."),
        *[Column(title, 3) for title in MEASURES.values()],
    ]  # fmt: skip
    rows: list[list[Cell]] = [
        [row.name, row.ballots, row.weight, row.pairs, row.contested, row.first_place]
        for row in (report.overall, *report.groups)
    ]
    caption = "Agreement in sample: the rankings were made from these ballots."
    blocks.append(Table(columns, rows, caption))
    return Section("agreement", "Agreement", blocks)


def _lowest_first(report: Audit) -> list[Interval]:
    """The figures held out: first those of all, then the groups by their agreement on all pairs."""
    pairs = {one.name: one.value for one in report.intervals if one.measure == "pairs"}

    def key(one: Interval) -> tuple[bool, bool, float]:
        value = pairs.get(one.name, math.nan)
        return one.name != "all", math.isnan(value), value

    return sorted(report.intervals, key=key)


def _held_out_table(report: Audit, how: str) -> Table:
    figures = {(one.name, one.measure): one for one in report.intervals}
    rows: list[list[Cell]] = [
        [name, *(figures.get((name, measure), NONE) for measure in MEASURES)]
        for name in dict.fromkeys(one.name for one in _lowest_first(report))
    ]
    columns: list[Column | str] = ["group", *[Column(title, 2) for title in MEASURES.values()]]
    return Table(
        columns, rows, f"Agreement {how}; 95 % intervals for other annotators and prompts."
    )


def _held_out_notes(report: Audit) -> Iterator[Text]:
    held_out = report.held_out
    if held_out is None:
        return
    notes = []
    if held_out.prompts == 1:
        notes.append("There is one prompt only: the intervals say nothing of other prompts.")
    if held_out.ballots_per_prompt < SPARSE:
        notes.append(
            f"With {held_out.ballots_per_prompt:.1f} ballots per prompt, agreement on contested pairs is "
            "near one half by construction; look at all pairs."
        )
    if held_out.left_out:
        notes.append(
            f"Not held out: {counted(held_out.left_out, 'prompt')} with too many ballots and responses."
        )
    if notes:
        yield Text(notes)


def representation_section(report: Audit) -> Section | None:
    """What each group gets in proportion to its weight, and over the prompts."""
    if not report.groups:
        return None
    ratios = {one.name: one for one in ratios_of(report)}
    blocks: list[Block] = [
        Text([
            "The representation ratio is the share of contested pairs that a group gets, divided by its "
            "share of the weight.",
            "It is defined for groups that are opposed to the others: any other group gets its proportional "
            "share even if nobody listens to it.",
        ]),
    ]  # fmt: skip
    if ratios:
        dots = [Dot(one.name, one.value, one.low, one.high) for one in ratios.values()]
        blocks.append(
            interval_chart(
                "Representation ratio; in proportion at 1.", dots, x="representation ratio",
                reference=1.0, link="group",
            )
        )  # fmt: skip
    columns: list[Column | str] = [
        "group",
        Column("weight", 3),
        Column("representation ratio", 2, "With its 95 % interval, held out."),
        Column("maximum deficit", 1, "Most contested pairs by which the group was ever behind its share."),
        Column("losing streak", None, "Most prompts in a row whose first response no ballot of it approves."),
        Column("lower quota", 3, "Share of the prompts after which a member has won as often as is due."),
        Column("influence", 3, "Share of all influence: that of a prompt is shared by those who approve its "
               "first response."),
    ]  # fmt: skip
    rows: list[list[Cell]] = [
        [
            row.name, row.weight, ratios.get(row.name, row.representation_ratio), row.maximum_deficit,
            row.longest_losing_streak, row.lower_quota_compliance, row.influence,
        ]
        for row in report.groups
    ]  # fmt: skip
    blocks.append(Table(columns, rows, "Representation of each group over the prompts."))
    return Section("representation", "Representation", blocks)


def justified_section(report: Audit) -> Section | None:
    """Justified representation over each unit of decision, and the groups that violate it most."""
    if not report.axioms:
        return None
    marks = {True: "holds", False: "violated", None: "no violation found"}
    rows: list[list[Cell]] = []
    broken: list[list[Cell]] = []
    for unit, verdicts in report.axioms.items():
        holds = {one.axiom: marks[one.holds] for one in verdicts}
        rows.append([unit, *(holds.get(axiom, "nothing is contested") for axiom in AXIOMS)])
        broken += [
            [unit, one.axiom, one.members, one.received, one.deserved, ", ".join(one.group)]
            for one in verdicts
            if one.holds is False
        ]
    blocks: list[Block] = [
        Text([
            "A group that agrees and is large enough deserves a part of the decisions.",
            "JR, PJR, EJR and EJR+, from weak to strong, say how large that part is at least; the weak forms "
            "are for groups that agree on all prompts.",
            "These are minimum tests: a group can pass them all and stand below a random order.",
        ]),
        Table(["over", *AXIOMS], rows, "Justified representation.", shown=0),
    ]  # fmt: skip
    if broken:
        columns: list[Column | str] = [
            "over", "axiom", "members", Column("received", 1), Column("deserved", 1), "who",
        ]  # fmt: skip
        caption = "The group that is furthest from its part, for each axiom that is violated."
        blocks.append(Table(columns, broken, caption, shown=0))
    return Section("justified", "Justified representation", blocks)


def stages_section(stages: Sequence[StageShares]) -> Section | None:
    """Each group's share from stage to stage."""
    stages = [stage for stage in stages if stage.groups]
    if not stages:
        return None
    dots, rows = [], list[list[Cell]]()
    for stage in stages:
        for group in stage.groups:
            label = f"{stage.stage}: {stage.measure}"
            dots.append(Dot(label, group.share, group.low, group.high, group.name))
            share = Estimate(group.share, group.low, group.high)
            prefers = ", ".join(group.prefers) or None
            rows.append([
                group.name, stage.stage, stage.measure, share, group.proportional_share,
                group.representation_ratio, prefers,
            ])  # fmt: skip
    columns: list[Column | str] = [
        "group", "stage", "measured on", Column("share", 3),
        Column("in proportion", 3, "The share that is in proportion to the group's weight."),
        Column("ratio", 2, "Share divided by the proportional share."), "prefers",
    ]  # fmt: skip
    rows.sort(key=lambda row: str(row[0]))
    few = len({dot.series for dot in dots}) <= 8
    chart = [
        interval_chart(
            "Share of each group from stage to stage.", dots, x="share", name="stage",
            series="group", link_series="group",
        )
    ]  # fmt: skip
    blocks: list[Block] = [
        *(chart if few else []),
        Table(columns, rows, "Share of each group at every stage."),
    ]
    return Section("stages", "From the ballots to the texts", blocks)


def majorities_section(report: Audit) -> Section:
    """The majorities, whatever the outcome, and what it gives up against Kemeny's."""
    m, approvals = report.margins, report.approvals
    none, one, several = approvals.majorities.values()
    sizes: list[list[Cell]] = [
        [f"prompts with a Smith set of {size}", count] for size, count in m.smith.items()
    ]
    close: list[list[Cell]] = [
        [f"pairs with a margin below {100 * float(x):g} % of the weight", percent(part)]
        for x, part in m.closer.items()
    ]
    rows: list[list[Cell]] = [
        ["prompts", m.prompts],
        ["prompts with a Condorcet winner", percent(m.condorcet)],
        ["prompts with a majority cycle", percent(m.cycles)],
        *sizes,
        ["pairs of responses", m.pairs],
        ["contested pairs", percent(m.contested)],
        ["tied pairs", percent(m.tied)],
        *close,
        ["prompts with no response that a majority approves", none],
        ["prompts with one such response", one],
        ["prompts with several such responses", several],
        ["price of fairness: agreement lost against Kemeny's rule", cell_text(report.price_of_fairness, 3)],
    ]  # fmt: skip
    notes = [f"{approvals.how[0].upper()}{approvals.how[1:]}."]
    if report.large_prompts:
        notes.append(
            f"The price of fairness leaves out {counted(report.large_prompts, 'prompt')} with more than 8 "
            "responses."
        )
    table = Table(["measure", "figure"], rows, "The majorities on the ballots.", shown=0)
    return Section("majorities", "Majorities", [table, Text(notes)])


def order_section(report: Audit) -> Section | None:
    """How far the shares depend on the order of the prompts."""
    if not report.spread:
        return None
    rows: list[list[Cell]] = [
        [row.name, row.measure, row.input, row.mean, row.lowest, row.highest]
        for row in report.spread
    ]
    columns: list[Column | str] = [
        "who", "measure",
        *[Column(title, 3) for title in ("as given", "mean", "lowest", "highest")],
    ]  # fmt: skip
    table = Table(columns, rows, "Measures over shuffled orders of the prompts.")
    return Section("order", "The order of the prompts", [table])
