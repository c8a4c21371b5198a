"""The command `rlchf mix`."""

from rlchf.cli.console import error_console, print_json
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.jobs.mix_settings import MixJob


@with_settings(MixJob, arguments=["sources"])
def command(given: Given, as_json: Json = False) -> None:
    """Mix rankings of several sources at a ratio.

    With --by pairs and --by prompts, prompts are drawn at random with all ballots of their source, as many as
    the ratio allows. With --by weight all ballots stay and get weights.
    """
    from rlchf.jobs.mix import mix_files

    mixture = mix_files(chosen(MixJob, given))
    if as_json:
        from dataclasses import asdict

        print_json({
            name: {"before": asdict(size), "after": asdict(mixture.after[name])}
            for name, size in mixture.before.items()
        })  # fmt: skip
        return
    from rlchf.cli.tables.mix import tables

    console = error_console()
    for part in tables(mixture):
        console.print(part)
