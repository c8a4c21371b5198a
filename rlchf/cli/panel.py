"""The command `rlchf panel`."""

from rlchf.cli.console import print_json, wide_console
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.jobs.panel_settings import PanelJob


@with_settings(PanelJob, arguments=["annotators"])
def command(given: Given, as_json: Json = False) -> None:
    """Draw a panel of annotators by lot under quotas.

    Leximin and maximin draw one of many panels that all keep the quotas, and make the inclusion
    probabilities of those least likely to be drawn as large as quotas allow. Systematic sampling is fast
    and keeps quotas in expectation only. The output is an annotators file for all commands.
    """
    from rlchf.jobs.panel import panel_file

    selection = panel_file(chosen(PanelJob, given))
    if as_json:
        print_json(selection.to_dict())
        return
    from rlchf.cli.tables import fitting
    from rlchf.cli.tables.panels import tables

    console = wide_console()
    for part in tables(selection):
        for shown in [part] if isinstance(part, str) else fitting(part, console):
            console.print(shown)
