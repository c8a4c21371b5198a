"""The command `rlchf compare`."""

from rlchf.cli.console import need_torch, print_json, wide_console
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.jobs.compare_settings import CompareJob


@with_settings(CompareJob, arguments=["rankings"])
def command(given: Given, as_json: Json = False) -> None:
    """Compare voting rules on a file of ballots.

    The findings say which groups lose, how far the rules differ, how sure each result is, which training
    pairs change, and which rule fits which aim.
    """
    from rlchf.cli.tables import fitting
    from rlchf.cli.tables.compare import tables
    from rlchf.jobs.compare import compare_files

    job = chosen(CompareJob, given)
    if job.embed:
        need_torch("--embed needs")
    compared = compare_files(job)
    if as_json:
        print_json(compared.to_dict())
        return
    console = wide_console()
    for part in tables(compared.comparison, compared.on_people):
        for shown in [part] if isinstance(part, str) else fitting(part, console):
            console.print(shown)
    if job.out:
        console.print(f"The report is {job.out}.")
