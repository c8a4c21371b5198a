"""The section on the annotators' weights: who counts for how much, and what the weights change."""

from rlchf.auditing.weighting import WeightedFigures
from rlchf.display import counted
from rlchf.report.charts import Dot, bar_chart
from rlchf.report.document import Block, Cell, Column, Section, Table, Text

CHARTED = 30
"""Groups in the chart at most; the table has all."""


def weights_section(figures: WeightedFigures, rule: str = "") -> Section:
    """Each group's share of the people and of the weight, and agreement raw and weighted.

    Parameters
    ----------
    figures
        From `rlchf.auditing.weighting.weighted_figures`.
    rule
        The rule whose outcome the agreement is with.
    """
    blocks: list[Block] = [Text(weights_sentences(figures))]
    groups = figures.rows[1:]
    if groups:
        shown = sorted(groups, key=lambda row: -abs(row.weight_share - row.people_share))[:CHARTED]
        most = f" The {CHARTED} groups whose shares differ most." if len(groups) > CHARTED else ""
        bars = [
            Dot(row.name, share, series=series)
            for row in shown
            for share, series in ((row.people_share, "people"), (row.weight_share, "weight"))
        ]
        blocks.append(
            bar_chart(
                f"Share of the people and of the weight.{most}", bars, x="share", series="share of",
                link="group", link_series="share of",
            )
        )  # fmt: skip
    columns: list[Column | str] = [
        "group",
        Column("people", None, "Annotators with ballots and a weight above 0."),
        Column("of the people", 3, "Share of all such annotators."),
        Column("of the weight", 3, "Share of the sum of the annotators' weights."),
        Column("all pairs, raw", 3, "Agreement over all pairs, each annotator's ballots alike."),
        Column("all pairs, weighted", 3, "The same by weight."),
        Column("first places, raw", 3),
        Column("first places, weighted", 3),
    ]
    rows: list[list[Cell]] = [
        [
            row.name, row.people, row.people_share, row.weight_share, row.pairs_raw, row.pairs,
            row.first_place_raw, row.first_place,
        ]
        for row in figures.rows
    ]  # fmt: skip
    outcome = f"the outcome of {rule}" if rule else "the outcome"
    caption = f"Agreement with {outcome} in sample, with and without the weights."
    blocks.append(Table(columns, rows, caption))
    return Section("weights", "Weights", blocks)


def weights_sentences(figures: WeightedFigures) -> list[str]:
    """What the weights cost, whose share they change most, and what they cannot repair."""
    people = counted(figures.people, "annotator")
    found = [
        f"The weights differ from person to person: {people} are as sure as "
        f"{figures.effective_sample_size:.1f} with equal weights (design effect "
        f"{figures.design_effect:.2f})."
    ]
    if len(figures.rows) > 1:
        most = max(figures.rows[1:], key=lambda row: abs(row.weight_share - row.people_share))
        found.append(
            f"They change the part of {most.name} most: {100 * most.people_share:.1f} % of the people have "
            f"{100 * most.weight_share:.1f} % of the weight."
        )
    if figures.without:
        have, count = ("has", "counts") if figures.without == 1 else ("have", "count")
        absent = counted(figures.without, "annotator")
        found.append(f"{absent} with ballots {have} the weight 0 and {count} nowhere.")
    found.append("Weights make those who are here count for more; they bring in nobody who is not.")
    return found
