"""The command `rlchf constitution show`."""

from typing import Annotated

import typer

from rlchf.cli.console import print_json, say
from rlchf.cli.settings import Json


def command(
    constitution: Annotated[
        str,
        typer.Argument(
            help="Constitution: a TOML file, or default or bai2022, which come with rlchf."
        ),
    ] = "default",
    as_json: Json = False,
) -> None:
    """Check a constitution and show its principles.

    Each principle may ask a reviser for a critique and a revision, a judge for a choice, or both. Judges that
    principles name are not loaded, and so not checked.
    """
    from dataclasses import asdict

    from rlchf.constitution.principles import REQUESTS
    from rlchf.io.constitutions import read_constitution

    read = read_constitution(constitution)
    if as_json:
        table = asdict(read)
        for principle in table["principles"]:
            for key in REQUESTS:
                if not principle[key]:
                    del principle[key]  # as in a file
        print_json(table)
        return
    head = [read.title, f"source: {read.source}" if read.source else ""]
    blocks = ["\n".join(line for line in head if line)]
    for principle in read:
        lines = [f"{principle.name} (weight {principle.weight:g})"]
        for name in ("critique", "revision", "question", "judge", "source"):
            text = getattr(principle, name)
            if text:
                lines.append(f"  {name}: {text.strip()}".replace("\n", "\n    "))
        blocks.append("\n".join(lines))
    say("\n\n".join(block for block in blocks if block))
