"""The command `rlchf aggregate`."""

from rlchf.cli.settings import Given, chosen, with_settings
from rlchf.jobs.settings import AggregateJob


@with_settings(AggregateJob, arguments=["rankings"])
def command(given: Given) -> None:
    """Turn everybody's rankings into one ranking per prompt."""
    from rlchf.jobs.aggregate import aggregate_files

    aggregate_files(chosen(AggregateJob, given))
