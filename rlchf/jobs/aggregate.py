"""Aggregation from files to a file, and the step that other jobs share."""

from rlchf.aggregation import Aggregation, aggregate, check_options
from rlchf.io.aggregations import read_aggregation
from rlchf.io.datasets import dataset_files
from rlchf.io.files import STANDARD_STREAM
from rlchf.io.outputs import join_outputs
from rlchf.io.tables import table_format
from rlchf.jobs.inputs import check_paths, list_skipped, read_people, skipped_file
from rlchf.jobs.large.checks import is_streamed
from rlchf.jobs.large.memory import free_memory, needed, parsed_size
from rlchf.jobs.large.run import aggregate_in_parts
from rlchf.jobs.large.shards import shard_file, shards_in_order
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import AggregateJob, RuleSettings
from rlchf.rankings import Rankings

COMMON = ("ties", "seed", "threads", "frozen")
"""What every rule is given, beside its own options."""


def aggregate_files(job: AggregateJob) -> None:
    """Read ballots, aggregate them, and write the collective rankings; in parts if they are too large.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or the rule cannot be applied; nothing has been written then.
    """
    if job.join:
        shards = dataset_files(job.rankings)
        check_paths(shards, [job.out])
        table_format(job.out)
        join_outputs(shards_in_order(shards), job.out)
        return
    check_rule(job)
    skipped = skipped_file(job.out)
    outputs = [job.out, skipped] if job.leaves_out else [job.out]
    outputs += [str(shard_file(job.out))] if job.shard and job.out != STANDARD_STREAM else []
    files = dataset_files(job.rankings)
    check_paths([*files, job.annotators, job.candidates, job.frozen], outputs)
    table_format(job.out)  # refuse an ending that we do not write before the work, not after
    memory = parsed_size(job.memory) if job.memory else free_memory()
    too_large = needed(files) > memory and bool(job.memory or all(map(is_streamed, files)))
    if job.asks_for_parts or too_large:
        aggregate_in_parts(job, skipped, memory)
        return
    rankings = read_people(job, weigh=True).rankings
    frozen = read_aggregation(job.frozen) if job.frozen else None
    aggregate_rankings(rankings, job, frozen).write(job.out)
    list_skipped(job, rankings, skipped)


def check_rule(job: RuleSettings) -> None:
    """Refuse an unknown rule, and options that it does not take."""
    for name in COMMON:
        if name in job.option:
            value = job.option[name]
            raise ValueError(f"write --{name} {value} instead of -o {name}={value}")
    check_options(job.rule, job.option, job.ties or None)


def aggregate_rankings(
    rankings: Rankings, job: RuleSettings, frozen: Aggregation | None = None
) -> Aggregation:
    """The collective rankings by the job's rule, with progress on the screen."""
    prompts = "1 prompt" if rankings.n_prompts == 1 else f"{rankings.n_prompts} prompts"
    with stage(f"aggregate {prompts} by {job.rule}", quiet=True) as tick:
        tick(0, rankings.n_prompts)
        return aggregate(
            rankings, job.rule, ties=job.ties or None, seed=job.seed,
            threads=job.threads or None, progress=tick, frozen=frozen, **job.option,
        )  # fmt: skip
