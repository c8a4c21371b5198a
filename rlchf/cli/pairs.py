"""The command `rlchf pairs`."""

from rlchf.cli.console import say
from rlchf.cli.settings import Given, chosen, with_settings
from rlchf.jobs.settings import PairsJob
from rlchf.pairs import PairConfig


@with_settings(PairsJob, PairConfig, arguments=["aggregated"])
def command(given: Given) -> None:
    """Write preference pairs that other trainers read.

    The pairs are those of collective rankings; a line on standard error says how many there are and what is
    left out.
    """
    job, config = chosen(PairsJob, given), chosen(PairConfig, given)
    from rlchf.jobs.pairs import write_pair_files

    say(write_pair_files(job, config).summary(), err=True)
