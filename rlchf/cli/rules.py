"""The command `rlchf rules`."""

from typing import Annotated

import typer

from rlchf.cli.completion import rules as rule_names
from rlchf.cli.console import print_json, say, wide_console
from rlchf.cli.settings import Json


def command(
    name: Annotated[
        str,
        typer.Argument(help="Rule whose page to show.", autocompletion=rule_names, metavar="NAME"),
    ] = "",
    as_json: Json = False,
) -> None:
    """List the voting rules, or show one."""
    from rlchf.cli import rulebook
    from rlchf.rules import list_rules

    if name and as_json:
        print_json(rulebook.record(name))
        return
    if name:
        say(rulebook.page(name))
        return
    if as_json:
        print_json(rulebook.records())
    else:
        console = wide_console()
        console.print(rulebook.table(console.width))
        console.print("\n" + rulebook.legend())
    for card in list_rules().values():
        if card.broken:
            say(f"rlchf: warning: {card.line}", err=True)
