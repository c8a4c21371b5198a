"""The command `rlchf score`."""

from rlchf.cli.console import need_torch
from rlchf.cli.settings import Given, chosen, with_settings
from rlchf.jobs.settings import ScoreJob


@with_settings(ScoreJob, arguments=["model", "texts"])
def command(given: Given) -> None:
    """Score responses with a reward model."""
    job = chosen(ScoreJob, given)
    need_torch("a reward model needs")
    from rlchf.jobs.score import score_files

    score_files(job)
