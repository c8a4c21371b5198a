"""The command `rlchf run`."""

from typing import Annotated, Any

import typer

from rlchf.cli.completion import rules as rule_names
from rlchf.cli.console import need_torch, print_json, resumable, say, wide_console
from rlchf.cli.settings import Json, refuse_beside_resume


def command(
    file: Annotated[str, typer.Argument(help="Run file (TOML).", metavar="FILE")] = "",
    rule: Annotated[
        str, typer.Option(help="Voting rule in place of the run file's.", autocompletion=rule_names)
    ] = "",
    group: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of the annotators file to group by, in place of the run file's; repeatable."
        ),
    ] = None,
    data: Annotated[
        str, typer.Option(help="Folder of the run file's data, in place of its own folder.")
    ] = "",
    out: Annotated[str, typer.Option(help="Run folder; by default one in runs/.")] = "",
    resume: Annotated[str, typer.Option(help="Folder of a stopped run to continue.")] = "",
    as_json: Json = False,
) -> None:
    """Do a whole run, from rankings to a fine-tuned policy.

    A run aggregates the rankings, trains a reward model, fine-tunes a policy by PPO, and reports the
    share of each group. A run of a constitution begins with prompts: a model revises its responses, is
    fine-tuned on the revisions, and principles judge its responses, as annotators.
    """
    if bool(file) == bool(resume):
        raise ValueError("give either a run file or --resume with a run folder")
    if resume:
        options = {"rule": rule, "group": group, "data": data, "out": out}
        refuse_beside_resume(name for name, value in options.items() if value)
    need_torch("a run needs", "tomli_w", "jinja2")
    from rlchf.jobs import run
    from rlchf.jobs.constitution import pipeline
    from rlchf.jobs.constitution.judge import JudgeFailedError
    from rlchf.jobs.constitution.runfile import is_constitution_run

    work: run.Pipeline | pipeline.ConstitutionPipeline
    principles = is_constitution_run(resume or file)
    if principles and group:
        raise ValueError(f"{file} is a run of a constitution, whose annotators have no groups")
    if resume:
        work = pipeline.resume(resume) if principles else run.resume(resume)
    elif principles:
        work = pipeline.start(file, rule=rule, out=out, data_folder=data)
    else:
        work = run.start(file, rule=rule, group=tuple(group or ()), out=out, data_folder=data)
    with resumable("run", work.folder, work.folder / "config.toml"):
        try:
            summary = work()
        except JudgeFailedError as error:
            error.add_note(f"go on with: rlchf run --resume {work.folder}")
            raise
    if as_json:
        print_json(summary)
        return
    _print_summary(summary)
    for part in (summary, summary.get("constitution", {})):
        for sentence in part.get("sentences", ()):
            say(f"- {sentence}")
    say(f"run folder: {work.folder}")


def _print_summary(summary: dict[str, Any]) -> None:
    from rich.table import Table

    console = wide_console()
    for label in dict.fromkeys(row["label"] for row in summary["shares"]):
        table = Table("stage", "measured on", f"{label} share", "95 % interval", "n", box=None)
        for row in summary["shares"]:
            if row["label"] != label:
                continue
            interval = f"{row['low']:.3f} - {row['high']:.3f}"
            table.add_row(
                row["stage"], row["measure"], f"{row['share']:.3f}", interval, str(row["n"])
            )
        console.print(table)
    accuracy = summary["reward_accuracy"]
    if accuracy:
        table = Table("reward model agrees with", "on held-out pairs", box=None)
        table.add_row("the collective ranking", f"{accuracy['collective_ranking']:.3f}")
        table.add_row("all ballots", f"{accuracy['ballots']:.3f}")
        for kind in ("groups", "annotators"):
            for name, value in accuracy[kind].items():
                if kind == "groups" or not accuracy["groups"]:
                    table.add_row(name, f"{value:.3f}")
        console.print()
        console.print(table)
