"""The command `rlchf constitution choose`."""

from rlchf.cli.console import print_json, wide_console
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.constitution.choosing.settings import ChooseJob, SlateConfig


@with_settings(ChooseJob, SlateConfig, arguments=["votes"])
def command(given: Given, as_json: Json = False) -> None:
    """Elect statements on which the public has voted, as the principles of a constitution.

    Voters agree, disagree or pass on statements, of which each has seen a part. A statement that few have
    seen counts by the lower end of the interval of its estimate. The slate is audited for justified
    representation and for what it holds for each opinion group.
    """
    from rlchf.cli.tables.slates import tables
    from rlchf.jobs.constitution.choose import choose_files

    result = choose_files(chosen(ChooseJob, given), chosen(SlateConfig, given))
    if as_json:
        print_json(result.to_dict())
        return
    console = wide_console()
    for part in tables(result):
        console.print(part)
