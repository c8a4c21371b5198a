"""What a population is made of: the share of each category, by column."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rlchf.display import listing
from rlchf.io.columns import Table
from rlchf.io.files import display_name, reading
from rlchf.io.tables import read_table

Population = dict[str, dict[str, float]]
"""For each column, the share of each category; the shares of a column add up to 1."""

SHAPE = "give a row for each category with column, category and share (or count), such as sex,female,0.51"
ROUNDING = 0.02
"""How far published shares, or counts of several columns, may be from their sum, as a fraction of it."""


def read_population(path: str | Path) -> Population:
    """Read a table of a population: a row for each category, with ``column, category`` and ``share``.

    Shares may be in percent. In place of ``share`` there may be a ``count``. A joint margin has several
    columns, as in ``age x sex`` and ``18-29 x female``.

    Raises
    ------
    ValueError
        If a column is missing, a category comes twice, or the shares of a column do not add up.
    """
    with reading(display_name(path)):
        return population_of(read_table(path))


def population_of(table: Table) -> Population:
    """The population of a table; see `read_population`."""
    missing = [name for name in ("column", "category") if name not in table.names]
    given = [name for name in ("share", "count") if name in table.names]
    if missing or len(given) != 1:
        lacks = f"there is no column {missing[0]!r}" if missing else _share_or_count(given)
        raise ValueError(f"{table.source}: {lacks}; found {listing(table.names)}; {SHAPE}")
    amounts = table.numbers(given[0], "give a number that is 0 or more")
    if (amounts < 0).any():
        i = int(np.argmax(amounts < 0))
        raise table.error(i, f"the {given[0]} is {amounts[i]:g}; give a number that is 0 or more")
    population: Population = {}
    rows = zip(table.filled("column"), table.filled("category"), amounts.tolist(), strict=True)
    for i, (column, category, amount) in enumerate(rows):
        if category in population.setdefault(column, {}):
            raise table.error(i, f"{column} {category!r} has a row before this; keep one of them")
        population[column][category] = amount
    _check_sums(population, given[0], table.source)
    return {
        column: {name: amount / sum(amounts.values()) for name, amount in amounts.items()}
        for column, amounts in population.items()
    }


def _share_or_count(given: Sequence[str]) -> str:
    return (
        "there are both a share and a count" if given else "there is no column 'share' or 'count'"
    )


def _check_sums(population: Population, kind: str, source: str) -> None:
    """Refuse shares of a column that are not a whole, and counts of columns that differ."""
    sums = {column: sum(amounts.values()) for column, amounts in population.items()}
    for column, total in sums.items():
        whole = next(iter(sums.values())) if kind == "count" else 100.0 if total > 10 else 1.0
        if total == 0:
            raise ValueError(f"{source}: the {kind}s of {column} are all 0; give some above 0")
        if abs(total - whole) > ROUNDING * whole:
            first = next(iter(sums))
            raise ValueError(
                f"{source}: the counts of {column} add up to {total:,.6g} and those of {first} to "
                f"{whole:,.6g}; give counts of the same people, or shares"
                if kind == "count"
                else f"{source}: the shares of {column} add up to {total:.6g}; give the shares of all of "
                f"its categories, which add up to 1 (or 100), or a count in place of share"
            )
