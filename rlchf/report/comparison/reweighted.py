"""The section on what the annotators' weights change under each rule."""

from rlchf.comparison.weights import Weights
from rlchf.display import counted
from rlchf.report.document import Cell, Column, Section, Table, Text


def reweighted_section(weights: Weights) -> Section:
    """The design effect of the weights, and what changes under each rule."""
    sentences = [
        f"{counted(weights.people, 'annotator')} with weights are worth "
        f"{weights.effective_sample_size:.1f} with equal ones: the design effect is "
        f"{weights.design_effect:.2f}.",
        "All other sections count the annotators by weight.",
    ]
    if weights.without:
        sentences.append(f"{counted(weights.without, 'annotator')} with weight 0 count nowhere.")
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
    return Section(
        "reweighted", "What the weights change", [Text(sentences), Table(columns, rows, caption)]
    )
