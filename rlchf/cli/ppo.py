"""The command `rlchf ppo`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlchf.cli.console import need_torch, print_json, resumable, wide_console
from rlchf.cli.settings import Given, Json, chosen, part, refuse_beside_resume, with_settings
from rlchf.jobs.ppo_rewards import REWARD_OF
from rlchf.jobs.settings import PPOJob
from rlchf.train.ppo.config import PPOConfig

if TYPE_CHECKING:
    from rich.table import Table

SHOWN = {"reward_mean": "reward", "kl": "KL, nats per response", "response_length": "tokens"}
HELD_OUT = {
    "held_out_reward": "reward",
    "held_out_kl": "KL, nats per response",
    "held_out_length": "tokens",
    "held_out_eos_share": "share that ended",
}


@with_settings(PPOJob, PPOConfig)
def command(
    given: Given,
    config: Annotated[
        str, typer.Option(help="TOML file of settings, or a run file with a section [ppo].")
    ] = "",
    out: Annotated[
        str, typer.Option(help="Folder for the policy, its figures and samples.  [required]")
    ] = "",
    resume: Annotated[
        str,
        typer.Option(
            help="Folder of a stopped run to continue; its learning rates, KL penalty and limits may change."
        ),
    ] = "",
    plot: Annotated[
        bool,
        typer.Option("--plot", help="Picture of the metrics, metrics.png in the output folder."),
    ] = False,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Memory of the run by part, without running it."),
    ] = False,
    prompt_tokens: Annotated[
        int,
        typer.Option(
            help="Number of tokens of a prompt for --plan, which then needs no --prompts; by default that of "
            "the longest.",
            min=0,
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Fine-tune a language model by PPO on one or more rewards.

    A reward is a reward model or a function. Several are combined, for instance by a sum or a vote.
    """
    need_torch("PPO needs")
    from rich.table import Table

    from rlchf.jobs.ppo import read_job, run_ppo, settings

    if resume:
        from rlchf.train.ppo.checkpoint import MAY_CHANGE

        refuse_beside_resume([*given, *(["out"] if out else [])], MAY_CHANGE)
    if prompt_tokens and not plan:
        raise ValueError("prompt_tokens is for --plan; leave it out")
    if prompt_tokens and "prompts" not in given:
        given = given | {"prompts": ""}
    job = read_job(resume) if resume else chosen(PPOJob, given)
    if plan:
        from rlchf.cli.tables.plan import print_plan
        from rlchf.jobs.plan import plan_ppo_job

        planned = settings(part(PPOConfig, given), config, resume)
        print_plan(lambda tick: plan_ppo_job(job, planned, prompt_tokens, tick), as_json)
        return
    folder = resume or out
    if not folder:
        raise ValueError(
            "out is missing: Folder for the policy, its figures and samples; see --help"
        )
    ppo_config = settings(part(PPOConfig, given), config, resume)
    with resumable("ppo", folder, Path(folder, "job.json")):
        rows = run_ppo(job, ppo_config, folder, resume=bool(resume), plot=plot)
    if not rows:
        return  # another process of the same run
    held_out = [row for row in rows if "held_out_reward" in row]
    rows = [row for row in rows if row["update"]]
    first, last = rows[0], rows[-1]
    if as_json:
        ends = {"first": held_out[0], "last": held_out[-1]} if held_out else None
        print_json({"policy": folder, "first": first, "last": last, "held_out": ends})
        return
    columns = [first, last] if first is not last else [last]
    table = Table("", *(f"update {row['update']}" for row in columns), box=None)
    shown = SHOWN | {name: name for name in first if name.startswith(REWARD_OF)}
    shown |= {name: f"{name} share" for name in job.label}
    for name, title in shown.items():
        if name in first:  # not where the library began the run, without this label
            table.add_row(title, *(f"{row[name]:.3g}" for row in columns))
    console = wide_console()
    console.print(table)
    if held_out:
        console.print(_evaluations(held_out))
    console.print(f"policy: {folder}", soft_wrap=True)


def _evaluations(rows: list[dict[str, Any]]) -> "Table":
    """The figures on the held-out prompts: at the first, the best and the last evaluation."""
    from rich.table import Table

    trained = rows[1:] or rows
    best = max(trained, key=lambda row: row["held_out_reward"])
    chosen = {"first": rows[0], "best": best, "last": rows[-1]}
    by_update: dict[int, list[str]] = {}
    for name, row in chosen.items():
        by_update.setdefault(row["update"], []).append(name)
    heads = [f"{' and '.join(names)}, update {update}" for update, names in by_update.items()]
    columns = {row["update"]: row for row in chosen.values()}
    table = Table("held-out prompts", *heads, box=None)
    for name, title in HELD_OUT.items():
        table.add_row(title, *(f"{columns[update][name]:.3g}" for update in by_update))
    return table
