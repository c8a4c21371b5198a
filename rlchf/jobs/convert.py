"""From public corpora, tools and other formats of ballots to our files, and from ballots to elections."""

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from operator import ne
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rlchf.io import read_election, read_rankings, write_rankings, write_table
from rlchf.io.abif import ABIF
from rlchf.io.annotated_pairs import NAME as PAIRS
from rlchf.io.annotated_pairs import SUFFIX
from rlchf.io.atomic import check_folder
from rlchf.io.blt import BLT
from rlchf.io.elections import write_elections
from rlchf.io.files import ELECTIONS, PREFLIB, STANDARD_STREAM, TABLES, bare_name, shown
from rlchf.io.formats import formats
from rlchf.io.formats.long import is_plain_id
from rlchf.io.json import write_jsonl
from rlchf.io.preflib import PREFLIB_KIND
from rlchf.io.sources import Converted, Source, read_source, source_names, sources
from rlchf.io.sources._records import Files
from rlchf.jobs.convert_pairs import NO_COLLECTIVE, TEXTS, check_texts, write_pairs
from rlchf.jobs.inputs import check_paths
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import ConvertJob
from rlchf.options import listed
from rlchf.rankings import Rankings

KINDS = {kind.name: kind for kind in (PREFLIB_KIND, BLT, ABIF)}
"""Formats of elections that are written."""

OF_THE_DATA = "that of the data"
"""The licence of a tool's export, which is no public corpus."""

PARTS = ("rankings", "prompts", "responses", "annotators")
"""The files of a folder that a conversion writes."""


@dataclass(frozen=True)
class Report:
    """What a conversion did.

    Attributes
    ----------
    title
        What was read.
    files
        The files that were written.
    numbers
        Numbers of what was written, by its name.
    dropped
        What was not converted, in words, and how many of it.
    notes
        What a reader must know.
    source
        The name of the source; "rankings" if ballots in one of our formats were read.
    """

    title: str
    files: list[str]
    numbers: dict[str, int]
    dropped: dict[str, int]
    notes: list[str] = field(default_factory=list)
    source: str = "rankings"

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return asdict(self)


def convert_files(job: ConvertJob) -> Report:
    """Read a source or rankings, and write them as other files.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or the rankings cannot be written so; nothing has been written then.
    """
    kind, is_file = _target(job)
    texts = [getattr(job, name) for name in TEXTS]
    check_paths([*job.files, *texts], [job.out] if is_file else [])
    if not is_file:
        if Path(job.out).is_file():
            raise ValueError(f"{job.out} is a file; give a folder, or a file with a suffix")
        check_folder(job.out)
        _refuse_to_replace(Path(job.out))
    format = _format(job)
    check_texts(job, kind, is_source=format is None)
    if format is None:
        _refuse_empty(job)
        for name, usual in (("columns", ""), ("skip", "none"), ("repeats", "refuse")):
            if getattr(job, name) != usual:
                raise ValueError(
                    f"--{name} is about tables of rankings, and these files are a source"
                )
        return _convert_source(job, kind, is_file)
    if job.option:
        raise ValueError(f"rankings take no options; leave -o {next(iter(job.option))} out")
    if not is_file and kind in TABLES:
        _refuse_empty(job)
        raise ValueError(
            f"{job.out}: rankings have no texts for a folder; give a file, such as rankings.{kind}"
        )
    rankings = read_rankings(
        job.files, format, columns=job.columns, skip=job.skip, repeats=job.repeats
    )
    if kind == PAIRS:
        lost = write_pairs(job, rankings)
        return Report(", ".join(job.files), [job.out], _numbers(rankings), lost, _pair_notes(job))
    unnamed = 0
    if len(job.files) == 1:
        rankings, unnamed = _named(rankings, job.files[0], kind)
    files, dropped = _write_rankings(job.out, rankings, kind, is_file)
    if unnamed:
        dropped["names of alternatives, which are numbered"] = unnamed
    return Report(", ".join(job.files), files, _numbers(rankings), dropped)


def _refuse_empty(job: ConvertJob) -> None:
    """Refuse files of which none has a record."""
    if STANDARD_STREAM not in job.files and not any((files := Files.of(job.files)).keys().values()):
        raise ValueError(f"{files}: there are no records; give a file that has some")


def _refuse_to_replace(folder: Path) -> None:
    """Refuse a folder that has files of the names that are written."""
    there = sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []
    there = [name for name in there if bare_name(name)[0] in PARTS]
    if there:
        raise ValueError(
            f"{folder} has {', '.join(there)} already; choose another folder for --out"
        )


def _convert_source(job: ConvertJob, kind: str, is_file: bool) -> Report:
    with stage(f"read {', '.join(job.files)}", quiet=True):
        source, converted = read_source(list(job.files), job.from_, job.option)
        rankings = Rankings.from_frame(pa.table(converted.columns()))
    dropped = dict(converted.dropped)
    if kind == PAIRS:
        files = [job.out]
        dropped |= write_pairs(job, rankings, converted)
    elif is_file or kind in KINDS:
        files, lost = _write_rankings(job.out, rankings, kind, is_file)
        lost |= {
            "texts of prompts": len(converted.prompts),
            "texts of responses": sum(map(len, converted.responses.values())),
            "annotators with features": sum(map(bool, converted.annotators.values())),
        }
        dropped |= {name: number for name, number in lost.items() if number}
    else:
        files = _write_folder(Path(job.out), converted, rankings, kind)
    numbers = _numbers(rankings)
    if further := len(converted.prompts.keys() - rankings.prompt_index.keys()):
        numbers["further prompts, without a ballot"] = further
    notes = _notes(source, converted) + (_pair_notes(job) if kind == PAIRS else [])
    return Report(_title(source), files, numbers, dropped, notes, source.name)


def _pair_notes(job: ConvertJob) -> list[str]:
    return [] if job.aggregated else [NO_COLLECTIVE]


def _target(job: ConvertJob) -> tuple[str, bool]:
    """The kind of the rankings that are written, and whether they are one file.

    Raises
    ------
    ValueError
        If there is no such kind, or the file's suffix is that of another.
    """
    kinds = [*TABLES, *KINDS, PAIRS]
    if job.to and job.to not in kinds:
        raise ValueError(f"unknown kind {job.to!r}; choose from {listed(kinds, job.to)}")
    suffix = "jsonl" if job.out == STANDARD_STREAM else bare_name(job.out)[1]
    named = {suffix: kind.name for kind in KINDS.values() for suffix in kind.suffixes}
    named |= dict(zip(TABLES, TABLES, strict=True)) | {SUFFIX: PAIRS}
    if suffix not in named or job.out.endswith("/") or Path(job.out).is_dir():
        if suffix and not job.out.endswith("/") and not Path(job.out).is_dir():
            choices = ", ".join(f".{one}" for one in named)
            raise ValueError(
                f"{job.out}: unknown suffix '.{suffix}'; choose from {choices}, or end the name of a "
                "folder in /"
            )
        if job.to == PAIRS:
            raise ValueError(f"{job.out}: {PAIRS} are one file; give one that ends in .{SUFFIX}")
        return job.to or "csv", False
    if job.to and job.to != named[suffix]:
        raise ValueError(f"{job.out}: the suffix is that of {named[suffix]}, and --to is {job.to}")
    return named[suffix], True


def _format(job: ConvertJob) -> str | None:
    """The format of rankings that the files have; None if they are a source."""
    known = ["auto", *source_names(), *formats(), "preflib", *ELECTIONS]
    if job.from_ not in known:
        raise ValueError(f"unknown source {job.from_!r}; choose from {listed(known, job.from_)}")
    if job.from_ in source_names() and not (job.from_ in formats() and _lacks_texts(job)):
        return None
    if job.from_ != "auto":
        return job.from_
    elections = (*PREFLIB, *ELECTIONS)
    paths = [Path(name) for name in job.files]
    names = [p for path in paths for p in (path.iterdir() if path.is_dir() else [path])]
    if STANDARD_STREAM in job.files or any(bare_name(path)[1] in elections for path in names):
        return "auto"
    marks = {mark for format in formats().values() for mark in format.marks}
    is_rankings = [
        {"prompt_id", "annotator_id"} <= set(keys) and bool(marks & set(keys))
        for keys in Files.of(job.files).keys().values()
    ]
    return "auto" if len(is_rankings) == 1 and is_rankings[0] else None


def _lacks_texts(job: ConvertJob) -> bool:
    """Whether files lack the keys of a source whose name is that of a format too: then they are of that."""
    source = sources()[job.from_]
    keys = Files.of(job.files).keys().values()
    return not any(set(source.marks) <= set(names) for names in keys)


def _named(rankings: Rankings, name: str, kind: str) -> tuple[Rankings, int]:
    """Rankings of PrefLib files by the names of their alternatives, where these differ and can be written.

    Also the number of names that are not used: of elections whose alternatives keep their numbers.
    """
    path = Path(name)
    paths = sorted(path.iterdir()) if path.is_dir() else [path]
    elections = [read_election(one) for one in paths if bare_name(one)[1] in PREFLIB]
    if len(elections) != rankings.n_prompts:
        return rankings, 0
    ids: list[str] = []
    unused = 0
    holds = KINDS[kind].holds_name if kind in KINDS else is_plain_id
    for election in elections:
        names = election.alternatives
        numbers = [str(n + 1) for n in range(len(names))]
        if len(set(names)) == len(names) and all(map(holds, names)):
            ids += names
        else:
            ids += numbers
            unused += sum(map(ne, names, numbers))
    return replace(rankings, response_ids=ids), unused


def _write_rankings(
    path: str, rankings: Rankings, kind: str, is_file: bool
) -> tuple[list[str], dict[str, int]]:
    """Write the rankings alone; the files, and what they do not hold."""
    if kind in KINDS:
        files, lost = write_elections(path, rankings, KINDS[kind], folder=not is_file)
        return files, dict(lost)
    for response in rankings.response_ids:
        if not is_plain_id(response):
            raise ValueError(
                f"the response id {shown(response)} reads as a ranking, and so would not be read again "
                "from a table; rename it"
            )
    write_rankings(path, rankings)
    unnamed = len(rankings.response_ids) - _n_named(rankings)
    return [path], {"responses that no ballot names": unnamed} if unnamed else {}


def _n_named(rankings: Rankings) -> int:
    """The number of responses that some ballot names."""
    sizes = np.diff(rankings.entry_starts)
    prompts = np.repeat(rankings.ballot_prompts, sizes)
    return len(np.unique(rankings.response_starts[prompts] + rankings.entry_responses))


def _write_folder(folder: Path, converted: Converted, rankings: Rankings, kind: str) -> list[str]:
    """Write the files of a source, all or none."""
    with _together(folder) as temporary:
        write_rankings(temporary / f"rankings.{kind}", rankings)
        prompts = (
            {"prompt_id": one, "prompt": prompt, **converted.topics.get(one, {})}
            for one, prompt in converted.prompts.items()
        )
        write_jsonl(temporary / "prompts.jsonl", prompts)
        responses = (
            {
                "prompt_id": prompt,
                "response_id": one,
                "text": text,
                **converted.labels.get((prompt, one), {}),
            }
            for prompt, texts in converted.responses.items()
            for one, text in texts.items()
        )
        write_jsonl(temporary / "responses.jsonl", responses)
        if any(converted.annotators.values()):
            write_table(temporary / "annotators.csv", _annotator_columns(converted.annotators))
        names = sorted(path.name for path in temporary.iterdir())
    return [
        str(folder / name) for name in sorted(names, key=lambda n: PARTS.index(n.split(".")[0]))
    ]


@contextmanager
def _together(folder: Path) -> Iterator[Path]:
    """A hidden folder whose files move into a folder when the block ends without an exception."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.tmp"
    temporary.mkdir()
    try:
        yield temporary
        if not folder.exists():
            temporary.rename(folder)
            return
        for path in temporary.iterdir():
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _annotator_columns(annotators: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """The annotators as columns; a feature named as a column of ours gets another name."""
    names = dict.fromkeys(name for features in annotators.values() for name in features)
    columns = {"annotator_id": list(annotators)}
    for name in names:
        column = f"stated_{name}" if name in ("annotator_id", "weight") else name
        columns[column] = [features.get(name, "") for features in annotators.values()]
    return columns


def _numbers(rankings: Rankings) -> dict[str, int]:
    """What was written, in numbers; optional kinds of judgements only where there are any."""
    ties = _tied(rankings)
    approvals, strengths = rankings.entry_approvals, rankings.ballot_strengths
    optional = {
        "ballots with a tie": ties,
        "approvals": 0 if approvals is None else int((approvals == 1).sum()),
        "disapprovals": 0 if approvals is None else int((approvals == -1).sum()),
        "comparisons with a probability": int(rankings.is_reverse.sum()),
        "ballots with a strength": 0 if strengths is None else int((~np.isnan(strengths)).sum()),
        "anonymous annotators": len(rankings.anonymous),
    }
    return {
        "prompts": rankings.n_prompts,
        "responses": len(rankings.response_ids),
        "annotators": len(rankings.annotator_ids),
        "ballots": int((~rankings.is_reverse).sum()),
        **{name: number for name, number in optional.items() if number},
    }


def _tied(rankings: Rankings) -> int:
    """The number of ballots with equal ranks."""
    sizes = np.diff(rankings.entry_starts)
    highest = np.maximum.reduceat(rankings.entry_ranks, rankings.entry_starts[:-1])
    return int((highest < sizes).sum())


def _title(source: Source) -> str:
    """What was read; of a public corpus the name alone, as the files may be others of its shape."""
    return source.title if source.licence == OF_THE_DATA else source.title.partition(":")[0]


def _notes(source: Source, converted: Converted) -> list[str]:
    notes = []
    if source.licence != OF_THE_DATA:
        notes.append(
            f"licence of the public corpus, if this is it, as its card states it: {source.licence}"
        )
    if converted.note:
        notes.append(converted.note)
    return notes
