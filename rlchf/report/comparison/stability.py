"""The section on how sure the results are: bootstrap and halves."""

from rlchf.auditing.estimates import NONE
from rlchf.comparison import Comparison
from rlchf.comparison.halves import CAVEAT
from rlchf.report.charts import Dot, interval_chart
from rlchf.report.document import Block, Cell, Column, Section, Table, Text


def stability_section(comparison: Comparison) -> Section | None:
    """How often other ballots would give the same result, and how alike two halves of the people are."""
    stability, halves = comparison.stability, comparison.halves
    if not (stability and stability.rules) and not (halves and halves.rules):
        return None
    blocks: list[Block] = [Text(_sentences(comparison), listed=True)]
    if stability and stability.rules:
        rows = sorted(stability.rules, key=lambda row: -row.mean_first.value)
        blocks.append(
            interval_chart(
                "Probability that the first place of a prompt stays the same if other ballots are drawn.",
                [Dot(row.rule, *row.mean_first.figures) for row in rows],
                x="probability of the same first place",
                name="rule",
                link="rule",
                keep=[*(one.rule for one in comparison.recommendations if one.rule), rows[-1].rule],
            )
        )
    blocks.append(_table(comparison))
    return Section("stability", "Stability of the results", blocks)


def _sentences(comparison: Comparison) -> list[str]:
    stability, halves = comparison.stability, comparison.halves
    found: list[str] = []
    if stability:
        drawn = (
            "as many ballots as each prompt has, with replacement"
            if stability.drawn == "ballots"
            else "as many annotators as there are, with replacement, with all their ballots"
        )
        found.append(
            f"Bootstrap: {stability.replicates:,} times, {drawn}, are drawn, and every rule is applied to "
            "them. Intervals are 95 % intervals for other prompts like these."
        )
        found += [f"{note}." for note in stability.notes.values()]
    if halves:
        found.append(
            f"Halves: the people of each prompt are divided into two halves at random, {halves.splits} "
            f"times, and the rule's orders on both are compared. {CAVEAT}"
        )
        found += [f"{note}." for note in halves.notes.values()]
    return found


def _table(comparison: Comparison) -> Table:
    stable = {row.rule: row for row in comparison.stability.rules} if comparison.stability else {}
    alike = {row.rule: row for row in comparison.halves.rules} if comparison.halves else {}
    rows: list[list[Cell]] = []
    for rule in comparison.distances.rules:
        one, other = stable.get(rule), alike.get(rule)
        rows.append(
            [
                rule,
                one.mean_first if one else NONE,
                one.mean_pairs if one else NONE,
                one.replicates if one else None,
                one.prompts if one else None,
                other.mean_order if other else NONE,
                other.mean_first if other else NONE,
            ]
        )
    columns: list[Column | str] = [
        "rule",
        Column("first place stays", 2, "Probability under the bootstrap, mean over prompts."),
        Column("pairs stay", 2, "Share of the strictly ranked pairs that keep their order."),
        "resamples",
        "prompts",
        Column("halves alike", 2, "1 minus the Kendall distance between the orders of two halves."),
        Column("same first place", 2, "Share of the divisions in which both halves have the same."),
    ]
    return Table(columns, rows, "How sure each rule's results are.")
