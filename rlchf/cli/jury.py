"""The command `rlchf jury`."""

from rlchf.cli.console import need_torch
from rlchf.cli.settings import Given, chosen, with_settings
from rlchf.jobs.settings import JuryJob


@with_settings(JuryJob, arguments=["model"])
def command(given: Given) -> None:
    """Let a simulated jury rank responses: draw a panel, predict its ballots, aggregate them."""
    job = chosen(JuryJob, given)
    need_torch("a jury needs")
    from rlchf.jobs.jury import run_jury

    run_jury(job)
