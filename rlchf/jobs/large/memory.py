"""How much memory there is, and how much an aggregation at once would take."""

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet

from rlchf.io.files import COMPRESSED
from rlchf.io.large.blocks import kind_of
from rlchf.limits import free_memory as free_memory

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
PER_ROW = 300
"""Bytes that a row of a Parquet table takes while it is read and aggregated."""
PER_BYTE = 6
"""The same for a byte of csv, tsv or jsonl; a compressed one stands for ten."""
LARGEST_PART = 1_000_000
"""Rows of a part: more at a time are not faster."""
LARGEST_BLOCK = 2**25
"""Bytes of text that are parsed at a time: more at a time are not faster."""


def parsed_size(text: str) -> int:
    """A number of bytes such as 4GB, 500MB or 2.5 GiB.

    Raises
    ------
    ValueError
        If it is none, or not above 0.

    Examples
    --------
    >>> parsed_size("4GB"), parsed_size("1.5 MiB"), parsed_size("2000")
    (4000000000, 1572864, 2000)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?)(i?)B?", text.strip(), re.IGNORECASE)
    size = 0
    if found:
        unit = UNITS[found[2].upper()]
        size = int(float(found[1]) * (1024 ** [*UNITS.values()].index(unit) if found[3] else unit))
    if size < 1:
        raise ValueError(f"--memory is {text!r}; give a number of bytes, such as 4GB or 500MB")
    return size


def shown_size(size: int) -> str:
    """A number of bytes in a readable unit.

    Examples
    --------
    >>> shown_size(2_500_000_000), shown_size(12)
    ('2.5 GB', '12 bytes')
    """
    for unit in ("T", "G", "M", "K"):
        if size >= UNITS[unit]:
            return f"{size / UNITS[unit]:.3g} {unit}B"
    return f"{size} bytes"


def enough(need: int) -> str:
    """What to give for ``--memory``, a little above a need.

    Examples
    --------
    >>> enough(2_500_000_000), enough(600)
    ('2.53GB', '607')
    """
    return shown_size(need + need // 100 + 1).replace(" bytes", "").replace(" ", "")


def needed(paths: Sequence[str]) -> int:
    """Bytes that the files would take if they were aggregated at once, by their sizes; 0 if they are unknown.

    Examples
    --------
    >>> needed(["-"])
    0
    """
    return sum(_needed(path) for path in paths)


def _needed(path: str) -> int:
    if not Path(path).is_file():
        return 0
    if kind_of(path) == "parquet" and Path(path).suffix not in COMPRESSED:
        try:
            return int(pyarrow.parquet.read_metadata(path).num_rows) * PER_ROW
        except (OSError, ValueError):
            return 0  # reading it says what is wrong
    times = 10 if Path(path).suffix.lower() in COMPRESSED else 1
    return Path(path).stat().st_size * times * PER_BYTE
