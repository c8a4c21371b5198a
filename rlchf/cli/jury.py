"""The command `rlchf jury`."""

from rlchf.cli.console import need_torch
from rlchf.cli.settings import Given, chosen, with_settings
from rlchf.jobs.settings import JuryJob


@with_settings(JuryJob, arguments=["model"])
def command(given: Given) -> None:
    """Let a simulated jury rank responses.

    A panel is drawn from the annotators, a reward model predicts the ballot of each member, and a voting
    rule aggregates the ballots.
    """
    job = chosen(JuryJob, given)
    need_torch("a jury needs")
    from rlchf.jobs.jury import run_jury

    run_jury(job)
