"""A panel by sortition, for the terminal."""

from collections.abc import Iterator

from rich.table import Table

from rlchf.cli.tables import make_table, number
from rlchf.display import counted, listing
from rlchf.people.sortition import Selection


def tables(selection: Selection) -> Iterator[Table | str]:
    """The seats of each category, and how fair the lot is."""
    table = make_table("category", "pool", "quota", "expected", "drawn")
    for one in selection.seats:
        limits = str(one.least) if one.least == one.most else f"{one.least}-{one.most}"
        expected = number(one.expected, 1)
        table.add_row(
            f"{one.column}: {one.category}", f"{one.pool:,}", limits, expected, str(one.drawn)
        )
    yield table
    for sentence in sentences(selection):
        yield f" {sentence}"


def sentences(selection: Selection) -> Iterator[str]:
    """The inclusion probabilities, the lottery, and quotas that the panel misses."""
    people = int(selection.present.sum())
    yield (
        f"{selection.size} of {counted(people, 'annotator')} are drawn, each with a probability of "
        f"{selection.least:.4f} or more; the mean is {selection.size / people:.4f}."
    )
    lottery = selection.lottery
    if lottery is not None:
        n = counted(len(lottery.panels), "composition")
        yield (
            f"The panel has one of {n} in the lottery, all of which keep the quotas; no lottery under these "
            f"quotas has a least probability above {lottery.bound:.4f}."
        )
    missed = [f"{one.column} {one.category!r}" for one in selection.seats if not one.kept]
    if missed:
        yield f"The panel misses the quotas of {listing(missed)}, which are kept in expectation only."
