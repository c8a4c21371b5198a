"""Reading what was on annotators' screens: positions of responses, and times."""

from pathlib import Path
from typing import Any

import numpy as np

from rlchf.io.files import display_name, reading
from rlchf.io.tables import read_table

HINT = "give a number, or leave it empty where it is not known"


def read_shown(path: str | Path) -> dict[str, list[Any]]:
    """Read a table of positions and times, as `rlchf.people.describe_people` takes it.

    The columns are ``prompt_id`` and ``annotator_id``, with ``response_id`` and ``position`` (the smallest
    is what was shown first), with ``seconds`` (the time of the ballot, 0 or more), or with all of them.
    Other columns are ignored, and numbers may be empty.

    Raises
    ------
    ValueError
        If a column is missing, an id is empty, or a number is none or a time is negative.
    """
    with reading(display_name(path)):
        table = read_table(path)
        positions = "position" in table.names
        if not positions and "seconds" not in table.names:
            table.require("position")
        ids = ("prompt_id", "annotator_id", *(["response_id"] if positions else []))
        table.require(*ids)
        columns: dict[str, list[Any]] = {name: table.filled(name) for name in ids}
        for name in ("position", "seconds"):
            if name in table.names:
                values = table.numbers(name, HINT, empty=float("nan"))
                if name == "seconds" and (values < 0).any():
                    i = int(np.argmax(values < 0))
                    raise table.error(i, f"the seconds are {values[i]:g}; give 0 or more")
                columns[name] = values.tolist()
        return columns
