"""Aggregation from files to a file, and the step that other jobs share."""

from rlchf.aggregation import Aggregation, aggregate, check_options
from rlchf.io.aggregations import read_aggregation
from rlchf.io.datasets import dataset_files
from rlchf.io.tables import table_format
from rlchf.jobs.inputs import check_paths, list_skipped, read_people, skipped_file
from rlchf.jobs.progress import stage
from rlchf.jobs.settings import AggregateJob, RuleSettings
from rlchf.rankings import Rankings

COMMON = ("ties", "seed", "threads", "frozen")
"""What every rule is given, beside its own options."""


def aggregate_files(job: AggregateJob) -> Aggregation:
    """Read ballots, aggregate them, and write the collective rankings.

    Raises
    ------
    ValueError, FileNotFoundError
        If a file is missing or wrong, or the rule cannot be applied; nothing has been written then.
    """
    check_rule(job)
    skipped = skipped_file(job.out)
    outputs = [job.out, skipped] if job.leaves_out else [job.out]
    check_paths([*dataset_files(job.rankings), job.annotators, job.candidates, job.frozen], outputs)
    table_format(job.out)  # refuse an ending that we do not write before the work, not after
    rankings = read_people(job, weigh=True).rankings
    frozen = read_aggregation(job.frozen) if job.frozen else None
    result = aggregate_rankings(rankings, job, frozen)
    result.write(job.out)
    list_skipped(job, rankings, skipped)
    return result


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
