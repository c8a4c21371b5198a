"""The command `rlchf jury`."""

from typing import Annotated

import typer

from rlchf.cli.completion import rule_options
from rlchf.cli.completion import rules as rule_names
from rlchf.cli.console import need_torch
from rlchf.options import parsed_pairs


def command(
    model: Annotated[str, typer.Argument(help="Folder of a model trained with --feature.")],
    prompts: Annotated[str, typer.Option(help="jsonl with prompt_id and prompt.")],
    responses: Annotated[str, typer.Option(help="jsonl with prompt_id, response_id and text.")],
    annotators: Annotated[str, typer.Option(help="csv of the people a panel is drawn from.")],
    rule: Annotated[
        str, typer.Option(help="Voting rule; see rlchf rules.", autocompletion=rule_names)
    ] = "kemeny",
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-o",
            help="Option of the rule, NAME=VALUE; repeatable.",
            autocompletion=rule_options,
        ),
    ] = None,
    size: Annotated[int, typer.Option(help="Members of the panel; 0 takes everybody.")] = 0,
    by: Annotated[
        list[str] | None, typer.Option(help="Column whose shares the panel keeps; repeatable.")
    ] = None,
    noisy: Annotated[
        bool, typer.Option(help="Sample ballots from the predicted Plackett-Luce model.")
    ] = False,
    ballots: Annotated[str, typer.Option(help="File for the simulated ballots.")] = "",
    out: Annotated[str, typer.Option(help="File for the collective rankings; - for stdout.")] = "-",
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
) -> None:
    """Let a simulated jury rank responses: draw a panel, predict its ballots, aggregate them."""
    need_torch("a jury needs")
    from rlchf.jobs.jury import jury_files

    jury_files(
        model, prompts, responses, annotators, out, ballots=ballots, rule=rule,
        options=parsed_pairs(option or []), size=size, by=tuple(by or ()), noisy=noisy, seed=seed,
    )  # fmt: skip
