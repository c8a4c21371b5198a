"""The command `rlchf convert`."""

from rlchf.cli.console import error_console, print_json
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.jobs.settings import ConvertJob


@with_settings(ConvertJob, arguments=["files"])
def command(given: Given, as_json: Json = False) -> None:
    """Turn corpora, exports and other ballots into rlchf's files."""
    from rlchf.jobs.convert import convert_files

    report = convert_files(chosen(ConvertJob, given))
    if as_json:
        print_json(report.to_dict())
        return
    from rlchf.cli.tables.convert import tables

    console = error_console()
    for part in tables(report):
        console.print(part)
