"""The command `rlchf aggregate`."""

from rlchf.cli.settings import Given, chosen, flag, with_settings
from rlchf.jobs.settings import AggregateJob


@with_settings(AggregateJob, arguments=["rankings"])
def command(given: Given) -> None:
    """Turn everybody's rankings into one ranking per prompt."""
    from rlchf.jobs.aggregate import aggregate_files

    job = chosen(AggregateJob, given)
    for name in given:
        if job.join and name not in ("rankings", "join", "out"):
            raise ValueError(
                f"--join takes the outputs of shards as they were made; leave out {flag(name)}"
            )
    aggregate_files(job)
