"""The section on the annotators' weights with what they change under each rule."""

from rlchf.comparison.weights import Weights
from rlchf.report.comparison.weights import weights_section
from rlchf.report.document import Cell, Column, Section, Table


def reweighted_section(weights: Weights) -> Section:
    """Who counts for how much, and what that changes under each rule."""
    rows: list[list[Cell]] = [
        [row.rule, row.first, row.flipped, row.distance] for row in weights.rules
    ]
    columns: list[Column | str] = [
        "rule",
        Column("first places", None, "Prompts on which the first place changes."),
        Column("flipped pairs", None, "Training pairs of which chosen and rejected change places."),
        Column("Kendall distance", 3, "Share of the pairs of responses in another order."),
    ]
    caption = "What the weights change, against annotators who all count alike."
    section = weights_section(weights.figures, weights.rule)
    return Section(section.name, section.title, [*section.blocks, Table(columns, rows, caption)])
