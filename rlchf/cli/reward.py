"""The command `rlchf reward`."""

from typing import Annotated

import typer

from rlchf.cli.console import need_torch, print_json, resumable, wide_console
from rlchf.cli.settings import Given, Json, chosen, refuse_beside_resume, with_settings
from rlchf.jobs.settings import RewardJob
from rlchf.train.reward.config import RewardConfig

FILES: Given = {"rankings": (), "prompts": "", "responses": ""}
"""What a plan needs no files for."""


@with_settings(RewardJob, RewardConfig, arguments=["rankings"])
def command(
    given: Given,
    out: Annotated[
        str, typer.Option(help="Folder for the checkpoint and its figures.  [required]")
    ] = "",
    resume: Annotated[str, typer.Option(help="Folder of a stopped training to continue.")] = "",
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Memory of the training by part, without training."),
    ] = False,
    plan_responses: Annotated[
        int,
        typer.Option(
            help="Number of responses to a prompt for --plan, which then needs no files; by default the "
            "largest in the files, or 2 without files.",
            min=0,
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Train a reward model on collective rankings and evaluate it.

    The rankings are aggregated first; the evaluation is on the prompts held out.
    """
    need_torch("a reward model needs")
    from rlchf.cli.tables.evaluation import reward_tables
    from rlchf.jobs.partial import partial_folder
    from rlchf.jobs.reward import read_job, train_reward_model

    if plan_responses and not plan:
        raise ValueError("plan_responses is for --plan; leave it out")
    if resume:
        refuse_beside_resume([*given, *(["out"] if out else [])])
        job, config = read_job(resume)
    else:
        if plan and (plan_responses or not FILES.keys() & given.keys()):
            given, plan_responses = FILES | given, plan_responses or 2
        job, config = chosen(RewardJob, given), chosen(RewardConfig, given)
    if plan:
        from rlchf.cli.tables.plan import print_plan
        from rlchf.jobs.plan import plan_reward_job

        print_plan(lambda tick: plan_reward_job(job, config, plan_responses, tick), as_json)
        return
    folder = resume or out
    if not folder:
        raise ValueError("out is missing: Folder for the checkpoint and its figures; see --help")
    with resumable("reward", folder, partial_folder(folder) / "job.json"):
        fitted = train_reward_model(job, config, folder, resume=bool(resume))
    if as_json:
        print_json(fitted.to_dict())
        return
    console = wide_console()
    for part in reward_tables(fitted):
        console.print(part)
    console.print(f"\nreward model: {folder}")
