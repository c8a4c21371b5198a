"""The command `rlchf convert`."""

from rlchf.cli.console import print_json
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
    from rich.console import Console

    from rlchf.cli.tables.convert import tables

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for part in tables(report):
        console.print(part, markup=False)
