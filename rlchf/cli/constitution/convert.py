"""The command `rlchf constitution convert`."""

from typing import Annotated

import typer

from rlchf.cli.console import say
from rlchf.display import counted


def command(
    constitution: Annotated[
        str,
        typer.Argument(
            help="Constitution in TOML or JSON: of rlchf, critique and revision requests by name, a list of "
            "comparison principles, or annotated pairs with principles as annotators."
        ),
    ],
    out: Annotated[str, typer.Option(help="TOML file for the constitution.")],
) -> None:
    """Turn a constitution in another shape into rlchf's TOML.

    The shape is recognised by what the file holds, and every principle is checked.
    """
    from rlchf.jobs.constitution.convert import convert_constitution

    read = convert_constitution(constitution, out)
    revisions = sum(bool(one.revision) for one in read)
    questions = sum(bool(one.question) for one in read)
    say(
        f"{counted(len(read), 'principle')}, {revisions} with a revision request and {questions} with a "
        f"question: {out}",
        err=True,
    )
