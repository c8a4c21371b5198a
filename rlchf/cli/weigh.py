"""The command `rlchf weigh`."""

from rlchf.cli.console import print_json, wide_console
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.jobs.weigh_settings import WeighJob


@with_settings(WeighJob, arguments=["annotators"])
def command(given: Given, as_json: Json = False) -> None:
    """Weigh annotators to a population by raking.

    The weights give every category of every column its share of the population, and are as near as possible
    to the base weights (the column weight, else 1). Weights cannot replace people who do not take part.
    """
    from rlchf.jobs.weigh import weigh_file

    weighting = weigh_file(chosen(WeighJob, given))
    if as_json:
        print_json(weighting.to_dict())
        return
    from rlchf.cli.tables import fitting
    from rlchf.cli.tables.weights import tables

    console = wide_console()
    for part in tables(weighting):
        for shown in [part] if isinstance(part, str) else fitting(part, console):
            console.print(shown)
