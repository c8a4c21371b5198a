"""Places: each row is one ballot, with a column per place that names the response there."""

from collections.abc import Mapping, Sequence

import numpy as np

from rlchf.entries import Entries
from rlchf.io.columns import Table
from rlchf.io.files import shown
from rlchf.io.formats import Format
from rlchf.io.formats._columns import row_ballots, without_labels
from rlchf.io.formats._ids import n_rows
from rlchf.io.formats.long import refuse_rankings
from rlchf.io.patterns import PEOPLE, place_number

NOTHING = ("skipped", "skipped rank", "skipvote", "undervote", "blank", "blank vote")
"""Words of cast vote records for a place at which the voter marked nobody."""
SEVERAL = ("overvote", "overvoted")
"""Words of cast vote records for a place at which the voter marked several."""


def place_columns(names: Sequence[str]) -> Mapping[str, str]:
    """The columns whose names state a place, such as ``rank1``, ``Choice 2`` and ``3rd choice``."""
    return {name: name for name in names if place_number(name) is not None}


def read_places(table: Table, unranked: str) -> Entries:
    """Read a row per ballot and a column per place, each naming a response; an empty place is passed over.

    Without ``prompt_id`` the table is one prompt, without ``annotator_id`` each row is an annotator's;
    ``weight`` and ``count`` are optional.

    Raises
    ------
    ValueError
        If the places are not 1, 2, 3, ..., or a row names a response twice or has an overvote.
    """
    columns = _ordered(table)
    table = without_labels(table)
    texts, codes = table.coded(*columns)
    names = [text.strip() for text in texts]
    _refuse_overvotes(table, names, codes)
    index: dict[str, int] = {}
    of_names = np.array(
        [-1 if _is_nothing(name) else index.setdefault(name, len(index)) for name in names]
    )
    cells = of_names[codes].reshape(len(columns), -1).T  # (rows, places)
    rows, places = np.nonzero(cells >= 0)
    responses = cells[rows, places]
    refuse_rankings(table, list(index), responses, rows)
    _refuse_repeats(table, list(index), rows, places, responses)
    return row_ballots(
        table, rows, responses, list(index), entry_ranks=places.astype(np.float64) + 1
    )


def _is_nothing(name: str) -> bool:
    return not name or name.lower() in NOTHING


def _ordered(table: Table) -> list[str]:
    """The columns of the places, from the first place on."""
    names = [name for name in table.columns if name not in PEOPLE]
    stated = {name: int(name) if name.isdecimal() else place_number(name) for name in names}
    if any(number is None for number in stated.values()):
        return names  # named one by one, in their order
    columns = sorted(names, key=lambda name: stated[name] or 0)
    numbers = [stated[name] for name in columns]
    if len(columns) < 2 or numbers != list(range(1, len(columns) + 1)):
        raise ValueError(
            f"{table.source}: the places should be 1, 2, 3, ..., one column each, such as rank1, rank2; "
            f"found {', '.join(columns) or 'none'}; name them in order with --columns places=A|B|C, or as "
            "places=Q1[*]"
        )
    return columns


def _refuse_overvotes(table: Table, names: Sequence[str], codes: np.ndarray) -> None:
    """Refuse a place at which the voter marked several; ``codes`` are those of all cells, by place."""
    several = np.array([name.lower() in SEVERAL for name in names])[codes]
    if several.any():
        cells = several.reshape(-1, n_rows(table))  # (places, rows)
        i = int(np.argmax(cells.any(axis=0)))
        place = int(np.argmax(cells[:, i]))
        name = names[codes.reshape(cells.shape)[place, i]]
        raise table.error(
            i,
            f"place {place + 1} is {shown(name)}, as in {int(cells.any(axis=0).sum())} rows in all: the "
            "voter marked several there; empty the cell if the next place counts, or it and all that follow "
            "if the ballot ends there",
        )


def _refuse_repeats(
    table: Table,
    ids: Sequence[str],
    rows: np.ndarray,
    places: np.ndarray,
    responses: np.ndarray,
) -> None:
    keys = rows * len(ids) + responses
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(np.diff(keys[order]) == 0)
    if len(same):
        first = same[np.argmin(rows[order[same]])]
        one, two = order[first], order[first + 1]
        n = len(np.unique(rows[order[same]]))
        more = f"; so do {n} rows in all" if n > 1 else ""
        raise table.error(
            rows[one],
            f"places {places[one] + 1} and {places[two] + 1} both name {shown(ids[responses[one]])}{more}; "
            "empty one of the two cells",
        )


FORMAT = Format(
    name="places",
    shape="a column per place with a response",
    columns=("count", "prompt"),
    marks=(),
    read=read_places,
    named=True,
    others=place_columns,
    pattern="places",
)
