"""The command `rlchf constitution sft`."""

from typing import Annotated, Any

import typer

from rlchf.cli.console import need_torch, print_json, resumable, wide_console
from rlchf.cli.settings import Given, Json, chosen, refuse_beside_resume, with_settings
from rlchf.jobs.constitution.supervised_settings import SftJob
from rlchf.train.constitution.sft_config import SftConfig

LOSSES = {
    "held-out loss, nats per token": "held_out_loss",
    "of revisions": "held_out_loss_revision",
    "of helpful samples": "held_out_loss_helpful",
}


@with_settings(SftJob, SftConfig, arguments=["revisions"])
def command(
    given: Given,
    out: Annotated[
        str, typer.Option(help="Folder for the policy and its figures.  [required]")
    ] = "",
    resume: Annotated[str, typer.Option(help="Folder of a stopped training to continue.")] = "",
    as_json: Json = False,
) -> None:
    """Fine-tune a policy on revisions of its responses, mixed with helpful samples.

    Prompts are not learned. The folder is a model that rlchf ppo and transformers load.
    """
    need_torch("fine-tuning needs")
    from rlchf.jobs.constitution.sft import read_job, run_sft
    from rlchf.jobs.partial import partial_folder

    if resume:
        refuse_beside_resume([*given, *(["out"] if out else [])])
        job, config = read_job(resume)
    else:
        job, config = chosen(SftJob, given), chosen(SftConfig, given)
    folder = resume or out
    if not folder:
        raise ValueError("out is missing: Folder for the policy and its figures; see --help")
    with resumable("constitution sft", folder, partial_folder(folder) / "job.json"):
        figures = run_sft(job, config, folder, resume=bool(resume))
    if as_json:
        print_json({"policy": folder, **figures})
        return
    _print(figures, folder)


def _print(figures: dict[str, Any], folder: str) -> None:
    from rich.table import Table

    console, ratio = wide_console(), figures["helpful_per_revision"]
    each = "" if ratio is None else f", {ratio:.3g} to a revision"
    console.print(
        f"learned {figures['revisions']} revisions and {figures['helpful']} helpful samples{each}; "
        f"training loss {figures['loss']:.3g} nats per token",
        soft_wrap=True,
    )
    if "held_out_loss" in figures:
        table = Table("", "before", "after", box=None)
        for title, name in LOSSES.items():
            if name in figures:
                table.add_row(title, f"{figures[f'{name}_before']:.3g}", f"{figures[name]:.3g}")
        console.print(table)
    console.print(f"policy: {folder}", soft_wrap=True)
