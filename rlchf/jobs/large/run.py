"""Aggregation of a dataset part by part, from files to a file."""

from collections.abc import Callable, Sequence

import numpy as np

from rlchf.io import Annotators, read_annotators
from rlchf.io.datasets import dataset_files, dataset_name
from rlchf.io.formats import known_names
from rlchf.io.headers import parsed_columns
from rlchf.io.large.copies import stored_rows
from rlchf.io.large.parts import Counting, Range, prompt_starts, ranges
from rlchf.io.large.sorting import sorted_rows
from rlchf.io.large.stored import ReadAsAWholeError, StoredRows
from rlchf.io.outputs import join_outputs
from rlchf.io.plans import Reading
from rlchf.io.rows import read_candidates
from rlchf.jobs.inputs import check_match, list_skipped_rows
from rlchf.jobs.large.checks import (
    check_in_parts,
    check_kinds,
    check_largest,
    parsed_shard,
    prompts_of,
)
from rlchf.jobs.large.folder import PartsFolder, parts_folder
from rlchf.jobs.large.here import run_here
from rlchf.jobs.large.memory import LARGEST_BLOCK, LARGEST_PART, PER_BYTE, PER_ROW, enough, needed
from rlchf.jobs.large.shards import describe_shard, shard_facts
from rlchf.jobs.large.work import Notes, Work, in_order, tell, tell_left_out, tell_of_every
from rlchf.jobs.settings import AggregateJob
from rlchf.parts import Figures
from rlchf.rule_warnings import tell as tell_figures

Engine = Callable[[Work, Sequence[Range], PartsFolder], list[Notes]]


def aggregate_in_parts(job: AggregateJob, skipped: str, memory: int) -> None:
    """Aggregate files in parts of whole prompts that fit into ``memory`` bytes.

    What is checked of a whole file is checked here, too: repeats and numbers of responses within each part,
    which has all rows of its prompts; annotators without a row in their file, what was left out, and what the
    warnings about a rule rest on are gathered over the parts, and told at the end.

    Parameters
    ----------
    skipped
        The file that lists the rows that were left out.

    Raises
    ------
    ValueError, FileNotFoundError
        As `rlchf.jobs.aggregate.aggregate_files`; or if the rule needs all prompts at once, or a file is of a
        kind that is not read in parts.
    """
    paths = dataset_files(job.rankings)
    check_kinds(paths)
    check_in_parts(job, needed(paths))
    parsed_shard(job.shard)
    facts = shard_facts(job, paths)
    annotators, counting = _annotators(job), _counting(job)
    part_rows = min(LARGEST_PART, max(memory // PER_ROW, 1))
    with parts_folder(job, paths, part_rows) as folder:
        rows, starts = _together(job, paths, folder, memory)
        parts = _parts(job, starts, folder, memory)
        work = Work(
            job, rows, counting, dataset_name(job.rankings),
            weights=None if annotators is None else annotators.weights,
            names_annotators=bool(job.annotators or job.leaves_out),
        )  # fmt: skip
        notes = _engine(job)(work, parts, folder)
        _tell(work, notes, annotators)
        results = [folder.result(part.number) for part in parts]
        join_outputs([path for path in results if path.exists()], job.out)
        list_skipped_rows(job, in_order([row for one in notes for row in one.skipped]), skipped)
        describe_shard(job, facts)


def _annotators(job: AggregateJob) -> Annotators | None:
    """The annotators file, if there is one; that it has no weights need not wait for the end."""
    if not job.annotators:
        return None
    annotators = read_annotators(job.annotators, columns=job.columns)
    if annotators.weights is None:
        check_match(job.annotators, annotators, annotators.ids, "", weigh=True)
    return annotators


def _counting(job: AggregateJob) -> Counting:
    candidates = read_candidates(job.candidates) if job.candidates else None
    return Counting(job.unranked, job.skip, job.repeats, candidates)


def _together(
    job: AggregateJob, paths: Sequence[str], folder: PartsFolder, memory: int
) -> tuple[StoredRows, np.ndarray]:
    """Rows in which those of each prompt are together, and where the prompts begin."""
    reading = Reading(job.format, parsed_columns(job.columns, known_names()))
    block = min(LARGEST_BLOCK, max(memory // PER_BYTE, 1))
    rows = stored_rows(paths, reading, folder.path, block)
    try:
        assert rows.plans  # refuses what is not read in parts, before the work
    except ReadAsAWholeError as error:
        raise ValueError(f"{error}, or give --memory {enough(needed(paths))}") from None
    starts = prompt_starts(rows)
    if starts is None:
        rows = sorted_rows(rows, folder.path, memory, job.threads)
        starts = prompt_starts(rows)
    if starts is None:
        raise ValueError(
            f"{rows.files[0].name}: the rows cannot be sorted by prompt_id, since some ids differ only in "
            "characters that do not count; write them alike"
        )
    return rows, starts


def _parts(job: AggregateJob, starts: np.ndarray, folder: PartsFolder, memory: int) -> list[Range]:
    """The parts of the whole dataset, or of a shard."""
    source = dataset_name(job.rankings)
    first, last = prompts_of(parsed_shard(job.shard), len(starts) - 1, source)
    parts = ranges(starts, folder.part_rows, first, last)
    check_largest(parts, memory, source)
    return parts


def _engine(job: AggregateJob) -> Engine:
    if job.engine == "local":
        return run_here
    from rlchf.jobs.large.on_ray import run_on_ray

    return run_on_ray


def _tell(work: Work, notes: Sequence[Notes], annotators: Annotators | None) -> None:
    """Warn of all parts as of a whole dataset, and refuse one of which nothing counts.

    Raises
    ------
    ValueError
        If no ballot is left, or the annotators file names nobody who votes.
    """
    job, source = work.job, work.source
    voters = list(dict.fromkeys(name for one in notes for name in one.annotators))
    tell([text for one in notes for text in one.reading])
    tell_of_every([one.of_every for one in notes if one.prompts or one.left_out])
    tell_left_out(source, [one.left_out for one in notes if one.left_out], set(voters))
    if not any(one.prompts for one in notes):
        raise ValueError(f"{source}: no ballot is left")
    if annotators is not None:
        check_match(job.annotators, annotators, voters, source, weigh=True)
    figures = Figures()
    for one in notes:
        figures.add(one.figures)
    tell([text for one in notes for text in one.deciding])
    tell_figures(job.rule, job.option, figures, source)
