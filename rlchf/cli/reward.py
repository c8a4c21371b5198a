"""The command `rlchf reward`."""

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from rlchf.cli.console import need_torch, wide_console
from rlchf.cli.settings import Given, chosen, refuse, with_settings
from rlchf.jobs.settings import RewardJob
from rlchf.train.reward.config import RewardConfig

if TYPE_CHECKING:
    from rich.table import Table

    from rlchf.jobs.reward import Fitted


@with_settings(RewardJob, RewardConfig, arguments=["rankings"])
def command(
    given: Given,
    out: Annotated[
        str, typer.Option(help="Folder for the checkpoint and its figures.  [required]")
    ] = "",
    resume: Annotated[
        str, typer.Option(help="Go on with the stopped training in this folder.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Aggregate, train a reward model, and measure it on the prompts held out."""
    need_torch("a reward model needs")
    from rlchf.jobs.reward import read_job, train_reward_model

    folder = resume or out
    if not folder:
        raise ValueError("out is missing: folder for the checkpoint; see --help")
    if resume:
        refuse([*given, *(["out"] if out else [])])
        job, config = read_job(resume)
    else:
        job, config = chosen(RewardJob, given), chosen(RewardConfig, given)
    try:
        fitted = train_reward_model(job, config, folder, resume=bool(resume))
    except KeyboardInterrupt:
        print(f"stopped; go on with: rlchf reward --resume {folder}", file=sys.stderr)
        raise
    if as_json:
        print(json.dumps(fitted.to_dict(), indent=2, ensure_ascii=False))
        return
    console = wide_console()
    for part in _tables(fitted):
        console.print(part, markup=False)
    console.print(f"\nreward model: {folder}", markup=False)


def _tables(fitted: "Fitted") -> "Iterator[Table | str]":
    from rlchf.cli.tables.evaluation import conditioned_tables, tables

    parts = (fitted.held_out, "held-out prompts"), (fitted.unseen, "annotators never seen")
    for evaluation, title in parts:
        if evaluation is not None:
            yield f"\n{title}\n"
            yield from tables(evaluation)
    if fitted.people is not None:
        yield from conditioned_tables(fitted.people)
