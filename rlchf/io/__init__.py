"""Reading and writing files, one module per format; importing it brings in pyarrow."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

from rlchf.io.approvals import read_approvals
from rlchf.io.atomic import atomic_write
from rlchf.io.ballots import read_ballots
from rlchf.io.columns import KNOWN, Table, closest
from rlchf.io.comparisons import read_comparisons
from rlchf.io.files import display_name, file_kind, read_bytes
from rlchf.io.long import read_long
from rlchf.io.preflib import Election, from_elections, parse_election, read_election, read_folder
from rlchf.io.tables import parse_table, read_table, table_format, write_table
from rlchf.io.texts import Annotators, read_annotators, read_prompts, read_responses
from rlchf.rankings import Rankings, Unranked

__all__ = [
    "FORMATS",
    "Annotators",
    "Election",
    "atomic_write",
    "read_annotators",
    "read_election",
    "read_prompts",
    "read_rankings",
    "read_responses",
    "read_table",
    "table_format",
    "write_table",
]

FORMATS = ("auto", "long", "ballots", "comparisons", "approvals", "preflib")

_READERS: dict[str, Callable[[Table, Unranked], Rankings]] = {
    "long": read_long,
    "ballots": read_ballots,
    "comparisons": read_comparisons,
    "approvals": read_approvals,
}
_MARKS = {  # the columns that tell the formats apart
    "long": {"rank", "score"},
    "ballots": {"ranking"},
    "comparisons": {"chosen", "rejected"},
    "approvals": {"approved"},
}


def read_rankings(
    path: str | Path, format: str = "auto", unranked: Unranked = "missing"
) -> Rankings:
    """Read the rankings of a dataset.

    Parameters
    ----------
    path
        A csv, tsv, parquet, jsonl or PrefLib file, plain or compressed (``.gz``, ``.zst``);
        ``-`` for standard input; or a folder of PrefLib files, each of which becomes a prompt.
    format
        What the file holds: "long" (a row per annotator and response with ``rank`` or ``score``),
        "ballots" (a row per ``ranking``), "comparisons" (``chosen`` and ``rejected``), "approvals"
        (``approved``) or "preflib"; "auto" tells by the suffix and the columns.
    unranked
        What it means that a ballot leaves out a response: "missing" (no opinion) or "last".

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file does not hold what it should; the message says where and what would work.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "votes.csv"
    >>> _ = path.write_text("prompt_id,annotator_id,ranking\\np,ann,a > b\\np,bob,b > a = c\\n")
    >>> rankings = read_rankings(path)
    >>> rankings.n_ballots, rankings.responses("p")
    (2, ['a', 'b', 'c'])
    """
    if format not in FORMATS:
        choices = ", ".join(FORMATS)
        raise ValueError(
            f"unknown format {format!r}; choose from {choices}{closest(format, FORMATS)}"
        )
    if unranked not in get_args(Unranked):
        raise ValueError(f"unranked is {unranked!r}; choose from {', '.join(get_args(Unranked))}")
    if not str(path):
        raise ValueError("the name of the ranking file is empty")
    if Path(path).is_dir():
        if format not in ("auto", "preflib"):
            raise ValueError(f"{path}: a folder; the format {format!r} needs a file")
        return read_folder(path, unranked)
    data, source = read_bytes(path), display_name(path)
    if not data.strip():
        raise ValueError(f"{source}: the file is empty")
    kind = "preflib" if format == "preflib" else file_kind(path, data)
    if kind == "preflib":
        if format not in ("auto", "preflib"):
            raise ValueError(f"{source}: a PrefLib file; the format {format!r} needs a table")
        return from_elections([parse_election(data, path)], unranked, source)
    table = parse_table(data, source, kind, KNOWN)
    return _READERS[_format_of(table) if format == "auto" else format](table, unranked)


def _format_of(table: Table) -> str:
    """Tell the format by the columns."""
    fits = [name for name, marks in _MARKS.items() if marks & set(table.names)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise ValueError(
            f"{table.source}: the columns fit several formats; "
            f"say which is meant, {' or '.join(f'format={name!r}' for name in fits)}"
        )
    hints = [closest(name, table.names) for marks in _MARKS.values() for name in sorted(marks)]
    raise ValueError(
        f"{table.source}: the columns {', '.join(table.names)} fit no format; besides prompt_id "
        "and annotator_id there should be response_id and rank or score (long), ranking (ballots), "
        "chosen and rejected (comparisons), or response_id and approved (approvals)"
        f"{next((hint for hint in hints if hint), '')}"
    )
