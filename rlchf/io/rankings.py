"""Rankings from files of every format, and into tables."""

from collections.abc import Collection, Container, Mapping, Sequence
from pathlib import Path

from rlchf.cleaning import Repeats, Skip
from rlchf.entries import Entries
from rlchf.io.abif import abif_entries
from rlchf.io.blt import blt_entries
from rlchf.io.columns import Table
from rlchf.io.datasets import Paths, dataset_files, dataset_name, paths_given, tables_in_parts
from rlchf.io.files import display_name, empty_file, file_kind, read_bytes, shown
from rlchf.io.files import reading as naming
from rlchf.io.formats import check_format, known_names
from rlchf.io.formats.long import reads_as_ranking
from rlchf.io.frames import is_frame
from rlchf.io.headers import Columns, parsed_columns
from rlchf.io.joining import joined_entries, joined_tables
from rlchf.io.plain_files import plain_file
from rlchf.io.plain_rows import plain_columns
from rlchf.io.plans import AUTO, Plan, Reading
from rlchf.io.preflib import Election, election_entries, parse_election
from rlchf.io.rows import read_candidates
from rlchf.io.tables import column_names, parse_table, split_sheet, write_table
from rlchf.options import checked
from rlchf.rankings import Rankings, Unranked

PREFLIB = "preflib"
ELECTIONS = {"blt": blt_entries, "abif": abif_entries}
"""Readers of further files with one election."""


def read_rankings(
    path: Paths,
    format: str = AUTO,
    unranked: Unranked = "missing",
    *,
    columns: Columns | None = None,
    skip: Skip = "none",
    repeats: Repeats = "refuse",
    candidates: str | Path | Mapping[str, Collection[str]] | None = None,
) -> Rankings:
    """Read the rankings of a dataset.

    Parameters
    ----------
    path
        A csv, tsv, parquet, arrow, jsonl, json or xlsx table or a PrefLib, BLT or ABIF file, plain or
        compressed (``.gz``, ``.zst``); ``-`` for standard input; a folder of such files; a pattern such as
        ``day-*.csv``; or several of these, whose ballots are one dataset. A sheet of a workbook is
        ``votes.xlsx#Sheet``.
    format
        What the files hold: "long" (a row per annotator and response with ``rank`` or ``score``),
        "ballots" (a row per ``ranking``), "comparisons" (``chosen`` and ``rejected``), "approvals"
        (``approval``), "arena" (``model_a``, ``model_b``, ``winner``), "pairs" (``prompt``, ``chosen``,
        ``rejected``), "preflib", "blt" or "abif"; "auto" recognises these by the suffix and the columns.
        Those that could mean something else must be named: "wide_ranks" and "wide_scores" (a column per
        response), "places" (a column per place) and "signed" (two responses and a signed strength).
    unranked
        How to read responses that a ballot leaves out: "missing" (no opinion) or "last".
    columns
        The files' own names of our columns, ``{"prompt_id": "question_id"}`` or the text
        ``prompt_id=question_id``; an empty name says that there is no such column. Case, blanks, hyphens
        and underscores of a name do not matter.
    skip
        "bad" leaves out blank ballots, empty ranks, scores and approvals, and prompts with one response
        only; a warning counts them and ``Rankings.skipped`` lists them. By default they are refused.
    repeats
        Which ballot of an annotator with several on a prompt counts: "first", "last" or "all"; "refuse"
        refuses them.
    candidates
        The responses on offer: a file with ``prompt_id`` and ``response_id``, or ids by prompt. A response
        that no ballot names is then one too, and another one is refused.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file does not hold what it should; the message says where and what would work.

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
    if is_frame(path) and not isinstance(path, list | tuple):
        raise TypeError(
            f"path is of type {type(path).__name__}, a table in memory; give it to Rankings.from_frame"
        )
    check_format(format, *ELECTIONS, PREFLIB)
    checked(Unranked, unranked, "unranked")
    if isinstance(candidates, str | Path):
        candidates = read_candidates(candidates)
    reading = Reading(format, parsed_columns(columns, known_names()))
    try:
        with naming(dataset_name(path)):
            entries = _entries(path, reading, unranked, plain=candidates is None)
    except ValueError as error:
        if format != AUTO:
            raise
        from rlchf.io.sources import convert_hint

        hint = convert_hint(paths_given(path))
        raise ValueError(f"{error}; {hint}" if hint else str(error)) from None
    if isinstance(entries, Rankings):
        return entries
    return Rankings.from_entries(
        entries,
        unranked,
        skip=skip,
        repeats=repeats,
        candidates=candidates,
    )


def _entries(
    path: Paths, reading: Reading, unranked: Unranked, *, plain: bool
) -> Entries | Rankings:
    """The ballots of all files; as rankings already if it is one large table that is ``plain``."""
    source = dataset_name(path)
    elections: list[Election] = []
    groups: list[Entries] = []
    formats: dict[str, str] = {}  # the first file of each
    by_pair = False
    parts = list(tables_in_parts(dataset_files(path)))
    for files in parts:
        tables: list[Table] = []
        for file in files:
            if plain and len(parts) == len(files) == 1:
                read = plain_file(file, display_name(file), reading)
                if read is not None:
                    return Rankings(**read, unranked=unranked)
            data, kind = _content(file, reading.format)
            if kind == PREFLIB:
                elections.append(parse_election(data, file))
                continue
            if kind in ELECTIONS:
                formats.setdefault(kind, file)
                groups.append(ELECTIONS[kind](data, file))
                continue
            plan, table = _planned(data, file, kind, reading)
            del data
            formats.setdefault(plan.format.name, file)
            by_pair = plan.format.by_pair
            tables.append(plan.header.apply(table))
        if len(formats) + bool(elections) > 1:
            raise ValueError(_mixture(formats, elections))
        if tables:
            table = joined_tables(tables, source if len(files) > 1 else tables[0].source)
            if plain and len(parts) == 1 and plan.format.name == "long":
                read = plain_columns(table)
                if read is not None:
                    return Rankings(**read, unranked=unranked)
            groups.append(plan.format.read(table, unranked))
    if elections:
        return election_entries(elections, source)
    return joined_entries(groups, source, by_pair=by_pair)


def _content(file: str, format: str) -> tuple[bytes, str]:
    """The bytes of a file and its kind."""
    path, _ = split_sheet(file)
    data = read_bytes(path)
    if not data.strip():
        raise empty_file(display_name(file))
    elections = (PREFLIB, *ELECTIONS)
    kind = format if format in elections else file_kind(path, data)
    if kind in elections and format not in (AUTO, kind):
        name = "PrefLib" if kind == PREFLIB else kind
        raise ValueError(
            f"{display_name(file)}: a {name} file; the format {format!r} needs a table"
        )
    return data, kind


def _planned(data: bytes, file: str, kind: str, reading: Reading) -> tuple[Plan, Table]:
    source, sheet = display_name(file), split_sheet(file)[1]

    def parse(wanted: Container[str] | None) -> Table:
        return parse_table(data, source, kind, wanted, lists=reading.lists, sheet=sheet)

    return reading.planned(source, column_names(data, kind), parse)


def _mixture(formats: Mapping[str, str], elections: Sequence[Election]) -> str:
    firsts = [f"{file} is of the format {name}" for name, file in formats.items()]
    firsts += [f"{election.source} is a PrefLib file" for election in elections[:1]]
    return f"{' and '.join(firsts)}; give files of one format"


def write_rankings(path: str | Path, rankings: Rankings) -> None:
    """Write ballots as a long table that `read_rankings` reads, complete or not at all.

    Raises
    ------
    ValueError
        If the file cannot be written, or a response's id reads as a ranking, such as ``a > b``, which would
        be refused on reading.

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
    for one in rankings.response_ids:
        if reads_as_ranking(one):
            raise ValueError(
                f"{path}: the response id {shown(one)} reads as a ranking, and could not be "
                "read again; rename it"
            )
    write_table(path, rankings.columns())
