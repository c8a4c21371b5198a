"""Aggregation of a dataset part by part, from files to a file."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rlchf.io import read_annotators
from rlchf.io.datasets import dataset_files, dataset_name
from rlchf.io.files import display_name
from rlchf.io.formats import known_names
from rlchf.io.headers import parsed_columns
from rlchf.io.large.blocks import kind_of
from rlchf.io.large.copies import STREAMED, stored_rows
from rlchf.io.large.parts import Counting, Range, prompt_starts, ranges
from rlchf.io.large.sorting import sorted_rows
from rlchf.io.large.stored import StoredRows
from rlchf.io.outputs import join_outputs
from rlchf.io.plans import Reading
from rlchf.io.rows import read_candidates
from rlchf.jobs.inputs import check_match, list_skipped_rows
from rlchf.jobs.large.folder import PartsFolder, parts_folder
from rlchf.jobs.large.memory import (
    LARGEST_BLOCK,
    LARGEST_PART,
    PER_BYTE,
    PER_ROW,
    free_memory,
    needed,
    shown_size,
)
from rlchf.jobs.large.work import Notes, Work, in_order, tell, tell_left_out
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import AggregateJob
from rlchf.parts import Figures, Part
from rlchf.rankings import Rankings
from rlchf.rule_warnings import tell as tell_figures
from rlchf.rules import get_rule, is_across, rule_modules

Engine = Callable[[Work, Sequence[Range], PartsFolder], list[Notes]]


def aggregate_in_parts(job: AggregateJob, skipped: str, memory: int) -> None:
    """Aggregate files in parts of whole prompts that fit into ``memory`` bytes.

    What is checked of a whole file is checked here, too: repeats and numbers of responses within each part,
    which has all rows of its prompts; annotators without a row in their file, what was left out, and what the
    warnings about a rule rest on are gathered over the parts, and told at the end.

    Raises
    ------
    ValueError, FileNotFoundError
        As `rlchf.jobs.aggregate.aggregate_files`; or if the rule needs all prompts at once, or a file is of a
        kind that is not read in parts.
    """
    paths = dataset_files(job.rankings)
    check_kinds(paths)
    check_in_parts(job, needed(paths))
    shard = parsed_shard(job.shard)
    reading = Reading(job.format, parsed_columns(job.columns, known_names()))
    counting = Counting(
        job.unranked, job.skip, job.repeats,
        read_candidates(job.candidates) if job.candidates else None,
    )  # fmt: skip
    annotators = read_annotators(job.annotators, columns=job.columns) if job.annotators else None
    if annotators is not None and annotators.weights is None:  # which need not wait for the end
        check_match(job.annotators, annotators, annotators.ids, "", weigh=True)
    source, part_rows = dataset_name(job.rankings), min(LARGEST_PART, max(memory // PER_ROW, 1))
    block = min(LARGEST_BLOCK, max(memory // PER_BYTE, 1))
    with parts_folder(job, paths, part_rows) as folder:
        rows, starts = _together(
            stored_rows(paths, reading, folder.path, block), folder, memory, job.threads
        )
        first, last = _prompts_of(shard, len(starts) - 1, source)
        parts = ranges(starts, folder.part_rows, first, last)
        _check_largest(parts, memory, source)
        work = Work(
            job, rows, counting, source,
            weights=None if annotators is None else annotators.weights,
            names_annotators=bool(job.annotators or job.leaves_out),
        )  # fmt: skip
        notes = _engine(job)(work, parts, folder)
        results = [folder.result(part.number) for part in parts]
        results = [path for path in results if path.exists()]
        voters = list(dict.fromkeys(name for one in notes for name in one.annotators))
        _tell_reading(source, notes, set(voters))
        if not results:
            raise ValueError(f"{source}: no ballot is left")
        if annotators is not None:
            check_match(job.annotators, annotators, voters, source, weigh=True)
        _tell_deciding(job, source, notes)
        join_outputs(results, job.out)
        list_skipped_rows(job, in_order([row for one in notes for row in one.skipped]), skipped)


def is_streamed(path: str) -> bool:
    """Whether a file is of a kind that is read in parts."""
    return Path(path).is_file() and kind_of(path) in STREAMED


def check_kinds(paths: Sequence[str]) -> None:
    """Refuse files that are read as a whole."""
    for path in paths:
        if not is_streamed(path):
            what = display_name(path)
            if Path(path).is_file():
                what += f", a {kind_of(path)} file,"
            raise ValueError(
                f"{what} is read as a whole, and not in parts; give a file that is "
                f"{', '.join(STREAMED[:-1])} or {STREAMED[-1]}, or all the memory that it takes"
            )


def is_sequential(job: AggregateJob) -> bool:
    """Whether the rule goes from prompt to prompt and carries something for each annotator."""
    rule = get_rule(job.rule)
    return is_across(rule) and "frozen" in inspect.signature(rule).parameters


def check_in_parts(job: AggregateJob, need: int) -> None:
    """Refuse a rule that needs all prompts at once, and what only a whole dataset has."""
    rule, elsewhere = get_rule(job.rule), bool(job.shard or job.engine != "local")
    if job.frozen:
        raise ValueError("--frozen needs all prompts at once; give --memory what the files take")
    if not is_across(rule):
        draws = job.ties == "random" or "seed" in inspect.signature(rule).parameters
        if elsewhere and draws and job.skip != "none":
            raise ValueError(
                "random choices depend on how many prompts are left out before; leave out --skip, or "
                "aggregate without --shard and --engine"
            )
        return
    size = f", about {shown_size(need)} here" if need else ""
    if not is_sequential(job):
        raise ValueError(
            f"rule {job.rule!r} looks at all prompts at once, and so needs memory for all of them{size}; "
            "give as much as --memory, or choose a rule that goes from prompt to prompt: "
            f"{_sequential_names()}"
        )
    if elsewhere:
        raise ValueError(
            f"rule {job.rule!r} goes from prompt to prompt, and so on one machine; leave out --shard and "
            "--engine"
        )
    for name, default in (("order", "input"), ("exact", False)):
        value = job.option.get(name, default)
        if value != default:
            raise ValueError(
                f"-o {name}={str(value).lower()} needs all prompts at once{size}; leave it out, or give as "
                "much as --memory"
            )


def _sequential_names() -> str:
    names = (name for name, module in rule_modules().items() if ".across." in module)
    rules = {name: get_rule(name) for name in names}
    return ", ".join(
        n for n, rule in rules.items() if "frozen" in inspect.signature(rule).parameters
    )


def parsed_shard(text: str) -> tuple[int, int]:
    """The number of a shard and the number of shards.

    Examples
    --------
    >>> parsed_shard("3/16"), parsed_shard("")
    ((3, 16), (1, 1))
    """
    i, slash, n = (text or "1/1").partition("/")
    if slash and i.isdecimal() and n.isdecimal() and 1 <= int(i) <= int(n):
        return int(i), int(n)
    raise ValueError(f"--shard is {text!r}; give its number and that of all shards, such as 3/16")


def _prompts_of(shard: tuple[int, int], n_prompts: int, source: str) -> tuple[int, int]:
    """The first prompt of a shard, and the one after its last."""
    i, n = shard
    if n > n_prompts:
        raise ValueError(
            f"--shard is {i}/{n}, but {source} has {n_prompts:,} prompts; give at most as many shards"
        )
    return n_prompts * (i - 1) // n, n_prompts * i // n


def _together(
    rows: StoredRows, folder: PartsFolder, memory: int, threads: int
) -> tuple[StoredRows, np.ndarray]:
    """Rows in which those of each prompt are together, and where the prompts begin."""
    assert rows.plans  # refuses what is not read in parts, before the work
    starts = prompt_starts(rows)
    if starts is None:
        rows = sorted_rows(rows, folder.path, memory, threads)
        starts = prompt_starts(rows)
    if starts is None:
        raise ValueError(
            f"{rows.files[0].name}: the rows cannot be sorted by prompt_id, since some ids differ only in "
            "characters that do not count; write them alike"
        )
    return rows, starts


def _check_largest(parts: Sequence[Range], memory: int, source: str) -> None:
    """Refuse a prompt whose rows do not fit into any memory that there is."""
    largest = max(part.stop - part.start for part in parts)
    if largest * PER_ROW > max(memory, free_memory()):
        raise ValueError(
            f"{source}: a prompt has {largest:,} rows, which take about {shown_size(largest * PER_ROW)} of "
            "memory together; give as much as --memory"
        )


def _engine(job: AggregateJob) -> Engine:
    if job.engine == "ray":
        from rlchf.jobs.large.on_ray import run_on_ray

        return run_on_ray
    return run_here


def run_here(work: Work, parts: Sequence[Range], folder: PartsFolder) -> list[Notes]:
    """Aggregate one part after the other, but for those that are done; their notes, in order."""
    notes: list[Notes] = []
    lost, state = 0, None
    sequential = is_sequential(work.job)
    while (before := folder.done(len(notes)) if len(notes) < len(parts) else None) is not None:
        lost += parts[len(notes)].n_prompts - before.prompts
        notes.append(before)
    seen = {name for one in notes for name in one.annotators}
    if sequential:
        state = Accounts(*folder.account(len(notes) - 1)) if notes else Accounts([], np.zeros(0))
    n_prompts = sum(part.n_prompts for part in parts)
    with stage(f"aggregate {n_prompts} prompts by {work.job.rule}", quiet=True) as tick:
        for part, rankings, noted in work.parts(list(parts[len(notes) :])):
            tick(part.first_prompt - parts[0].first_prompt, n_prompts)
            if rankings is not None:
                place = Part(part.first_prompt - lost)
                if state is not None:
                    rankings = state.numbered(rankings)
                    place.account = state.account
                work.decide(rankings, place, noted, folder.result(part.number))
                if state is not None:
                    state.account = place.account
            noted.annotators = [name for name in noted.annotators if name not in seen]
            seen.update(noted.annotators)
            if state is not None:
                folder.keep_account(part.number, list(state.index), state.account)
            folder.keep(part.number, noted)
            lost += part.n_prompts - noted.prompts
            notes.append(noted)
    return notes


class Accounts:
    """The annotators of all parts so far by their numbers, and what a sequential rule carries for each."""

    def __init__(self, annotators: Sequence[str], account: Any) -> None:
        self.index = {name: i for i, name in enumerate(annotators)}
        self.account = account

    def numbered(self, rankings: Rankings) -> Rankings:
        """The rankings with the numbers that their annotators have in all parts."""
        index = self.index
        codes = [index.setdefault(name, len(index)) for name in rankings.annotator_ids]
        return replace(
            rankings,
            annotator_ids=list(index),
            ballot_annotators=np.array(codes, dtype=np.int64)[rankings.ballot_annotators],
        )


def _tell_reading(source: str, notes: Sequence[Notes], voters: set[str]) -> None:
    tell(source, [text for one in notes for text in one.reading])
    tell_left_out(source, [one.left_out for one in notes if one.left_out], voters)


def _tell_deciding(job: AggregateJob, source: str, notes: Sequence[Notes]) -> None:
    figures = Figures()
    for one in notes:
        figures.add(one.figures)
    tell(source, [text for one in notes for text in one.deciding])
    tell_figures(job.rule, job.option, figures, source)
