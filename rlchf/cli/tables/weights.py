"""Weights of annotators, for the terminal."""

from collections.abc import Iterator

from rich.table import Table

from rlchf.cli.tables import make_table, number
from rlchf.people.weighing import Weighting


def tables(weighting: Weighting) -> Iterator[Table | str]:
    """Each category before and after, and what the weights cost."""
    table = make_table("category", "people", "before", "target", "after")
    for one in weighting.categories:
        shares = (number(share) for share in (one.before, one.target, one.after))
        table.add_row(f"{one.column}: {one.category or '(none)'}", f"{one.people:,}", *shares)
    yield table
    for sentence in cost(weighting):
        yield f" {sentence}"


def cost(weighting: Weighting) -> Iterator[str]:
    """What the weights are, and what they cost, in sentences."""
    low, high = weighting.ratios
    yield f"Weights from {low:.3g} to {high:.3g} times their mean."
    yield (
        f"Design effect {weighting.design_effect:.3f}: the {weighting.people:,} annotators are as sure as "
        f"{weighting.effective_sample_size:.1f} with equal weights, where what is measured has nothing to "
        "do with the weights."
    )
