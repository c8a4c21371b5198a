"""The section on who gains under which rule, and on what to take."""

from collections.abc import Sequence

import numpy as np

from rlchf.comparison import Comparison
from rlchf.comparison.gains import Gains, RuleGains
from rlchf.comparison.losing import lost_sentences
from rlchf.report.charts import Dot, interval_chart
from rlchf.report.document import Block, Cell, Chart, Column, Fold, Section, Table, Text

SERIES = 8
"""Groups that the chart draws side by side at most."""
RULES = 10
"""Rules that the chart draws at most, all of them if there are no more; the tables have every rule."""
USUAL = ("kemeny", "borda")
"""Rules that are drawn because readers know them."""
CELLS = 1500
"""Cells of the table of all rules and groups at most."""


def gains_section(comparison: Comparison) -> Section | None:
    """How each rule serves everybody and each group, and which rule to take for which aim."""
    gains = comparison.gains
    if gains is None:
        return None
    advice = Text([one.sentence for one in comparison.recommendations], listed=True)
    blocks: list[Block] = [
        *([advice] if comparison.recommendations else []),
        Text(_sentences(gains)),
    ]
    if lost := lost_sentences(comparison.served):
        blocks.insert(0, Text(lost))
    if gains.rules:
        blocks += _blocks(comparison, gains)
    return Section("gains", "Groups under each rule, and recommendations", blocks)


def _sentences(gains: Gains) -> list[str]:
    how = (
        f"Every ballot is compared with rankings that were made without its annotator (in {gains.folds} "
        "parts), so that the figures hold for people like these; intervals are 95 % intervals for other "
        "people and other prompts."
        if gains.folds
        else "The rankings were made from the same ballots, so agreement is in sample and too high."
    )
    return [*([how] if gains.rules else []), *gains.notes]


def _blocks(comparison: Comparison, gains: Gains) -> list[Block]:
    ordered = sorted(gains.rules, key=lambda row: -np.nan_to_num(row.pairs.value, nan=-1.0))
    names = [group.name for group in ordered[0].groups]
    blocks: list[Block] = []
    if names:
        blocks.append(_chart(comparison, ordered, names))
        blocks.append(_groups_table(ordered, names))
    blocks.append(_rules_table(ordered))
    if names and len(names) * len(ordered) <= CELLS:
        blocks += [
            Fold(
                "Every rule and group: contested pairs", [_all_table(ordered, names, "contested")]
            ),
            Fold("Every rule and group: position", [_all_table(ordered, names, "position")]),
        ]
    return blocks


def _chart(comparison: Comparison, ordered: Sequence[RuleGains], names: Sequence[str]) -> Chart:
    """The share of each group under each rule, of the groups and rules that most is said of."""
    groups, rules = _drawn_groups(ordered), _drawn_rules(comparison, ordered)
    title = [
        "Share of the contested pairs of each group that agree with the outcome; half agree with a random "
        "order."
    ]
    if len(groups) < len(names):
        title.append(
            f"The {len(groups)} of {len(names)} groups with the lowest shares or the largest differences."
        )
    if len(rules) < len(ordered):
        title.append(
            f"{len(rules)} of {len(ordered)} rules: those recommended, the extremes, kemeny and borda; the "
            "tables have all."
        )
    dots = [
        Dot(row.rule, *row.groups[g].contested.figures, names[g])
        for row in ordered
        if row.rule in rules
        for g in groups
    ]
    return interval_chart(
        " ".join(title), dots, x="share of the contested pairs", name="rule", series="group",
        reference=0.5, link="rule", link_series="group",
    )  # fmt: skip


def _drawn_groups(rows: Sequence[RuleGains]) -> list[int]:
    """The groups with the lowest share under some rule and those that the rule matters most for, in order."""
    values = np.array([[group.contested.value for group in row.groups] for row in rows])
    known = np.flatnonzero(~np.isnan(values).all(axis=0))
    lowest, highest = np.nanmin(values[:, known], axis=0), np.nanmax(values[:, known], axis=0)
    orders = (
        known[np.argsort(lowest, kind="stable")],
        known[np.argsort(lowest - highest, kind="stable")],
    )
    taken: list[int] = []
    for pair in zip(*orders, strict=True):
        taken += [int(g) for g in pair if g not in taken]
    return sorted(taken[:SERIES])


def _drawn_rules(comparison: Comparison, rows: Sequence[RuleGains]) -> list[str]:
    """The rules that are drawn: what is said of most comes first."""
    if len(rows) <= RULES:
        return [row.rule for row in rows]
    wanted = [
        rule for one in comparison.served for rule in (one.best_rule, one.lowest_rule, one.rule)
    ]
    wanted += [one.rule for one in comparison.recommendations]
    wanted += comparison.distances.farthest()
    by_pairs = [row for row in rows if row.again] or rows
    by_pairs = sorted(by_pairs, key=lambda row: row.pairs.value)
    wanted = [*wanted[:3], *USUAL, *wanted[3:], by_pairs[0].rule, by_pairs[-1].rule]
    there = {row.rule for row in rows}
    return [rule for rule in dict.fromkeys(wanted) if rule in there][:RULES]


def _rules_table(rows: list[RuleGains]) -> Table:
    cells: list[list[Cell]] = [
        [row.rule, row.pairs, row.contested, row.first_place, row.price] for row in rows
    ]
    columns: list[Column | str] = [
        "rule",
        Column("all pairs", 2, "Share of the pairs on the ballots that agree with the outcome."),
        Column("contested pairs", 2, "The same of the pairs that people disagree about."),
        Column("first places", 2, "Share of the ballots whose first response is the outcome's."),
        Column("price", 3, "Part of the highest agreement, that of Kemeny's rule, given up; in sample."),
    ]  # fmt: skip
    return Table(columns, cells, "How each rule serves everybody, the highest agreement first.")


def _groups_table(rows: list[RuleGains], names: list[str]) -> Table:
    cells: list[list[Cell]] = []
    for g, name in enumerate(names):
        of_group = [(row.rule, row.groups[g]) for row in rows]
        known = [one for one in of_group if not np.isnan(one[1].contested.value)]
        if not known:
            continue
        low = min(known, key=lambda one: one[1].contested.value)
        high = max(known, key=lambda one: one[1].contested.value)
        group = low[1]
        cells.append(
            [
                name, group.annotators, group.weight, low[0], group.contested, high[0],
                high[1].contested, group.others, group.best,
            ]
        )  # fmt: skip
    columns: list[Column | str] = [
        "group",
        Column("people", None, "Members with comparable ballots."),
        Column("weight", 3, "The group's share of the weight of all ballots."),
        "least under",
        Column("share", 2, "Of the contested pairs; half agree with a random order."),
        "most under",
        Column("share", 2),
        Column("ranking of others", 2, "The share that agrees with the ranking of everybody else."),
        Column("own ranking", 2, "The share that agrees with the ranking of the other members."),
    ]
    return Table(columns, cells, "The rules under which each group agrees least and most.")


def _all_table(rows: list[RuleGains], names: list[str], figure: str) -> Table:
    cells: list[list[Cell]] = [
        [row.rule, *(getattr(group, figure) for group in row.groups)] for row in rows
    ]
    what = {
        "contested": "Share of the contested pairs of each group that agree with the outcome.",
        "position": "Position of each group: 0 is a random order, 1 the group's own ranking.",
    }
    return Table(["rule", *(Column(name, 2) for name in names)], cells, what[figure])
