"""Rankings from files of every format, and into tables."""

from pathlib import Path

from rlchf.entries import Entries
from rlchf.io.abif import abif_entries
from rlchf.io.blt import blt_entries
from rlchf.io.files import display_name, file_kind, read_bytes
from rlchf.io.formats import check_format, known_columns, read_entries
from rlchf.io.preflib import election_entries, parse_election, read_folder
from rlchf.io.tables import parse_table, write_table
from rlchf.options import checked
from rlchf.rankings import Rankings, Unranked

PREFLIB = "preflib"
ELECTIONS = {"blt": blt_entries, "abif": abif_entries}
"""Readers of further files with one election."""


def read_rankings(
    path: str | Path, format: str = "auto", unranked: Unranked = "missing"
) -> Rankings:
    """Read the rankings of a dataset.

    Parameters
    ----------
    path
        A csv, tsv, parquet, jsonl, PrefLib, BLT or ABIF file, plain or compressed (``.gz``, ``.zst``);
        ``-`` for standard input; or a folder of PrefLib files, each of which becomes a prompt.
    format
        What the file holds: "long" (a row per annotator and response with ``rank`` or ``score``),
        "ballots" (a row per ``ranking``), "comparisons" (``chosen`` and ``rejected``), "approvals"
        (``approved``), "preflib", "blt" or "abif"; "auto" recognises it by the suffix and the columns.
    unranked
        How to read responses that a ballot leaves out: "missing" (no opinion) or "last".

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
    check_format(format, *ELECTIONS, PREFLIB)
    checked(Unranked, unranked, "unranked")
    if not str(path):
        raise ValueError("the name of the ranking file is empty")
    return Rankings.from_entries(_file_entries(path, format, unranked), unranked)


def _file_entries(path: str | Path, format: str, unranked: Unranked) -> Entries:
    if Path(path).is_dir():
        if format not in ("auto", PREFLIB):
            raise ValueError(f"{path}: a folder; the format {format!r} needs a file")
        return read_folder(path)
    data, source = read_bytes(path), display_name(path)
    if not data.strip():
        raise ValueError(f"{source}: the file is empty")
    kind = format if format in (PREFLIB, *ELECTIONS) else file_kind(path, data)
    if kind in ELECTIONS:
        if format not in ("auto", kind):
            raise ValueError(f"{source}: a {kind} file; the format {format!r} needs a table")
        return ELECTIONS[kind](data, path)
    if kind == PREFLIB:
        if format not in ("auto", PREFLIB):
            raise ValueError(f"{source}: a PrefLib file; the format {format!r} needs a table")
        return election_entries([parse_election(data, path)], source)
    return read_entries(parse_table(data, source, kind, known_columns()), format, unranked)


def write_rankings(path: str | Path, rankings: Rankings) -> None:
    """Write ballots as a long table that `read_rankings` reads, complete or not at all.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "votes.csv"
    >>> write_rankings(path, Rankings.from_ballots([("p", "ann", "b > a")]))
    >>> print(path.read_text())
    prompt_id,annotator_id,response_id,rank,weight
    p,ann,b,1,1.0
    p,ann,a,2,1.0
    <BLANKLINE>
    """
    write_table(path, rankings.columns())
