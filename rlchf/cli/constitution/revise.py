"""The command `rlchf constitution revise`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from rlchf.cli.console import need_torch, print_json, resumable, say
from rlchf.cli.settings import Given, Json, chosen, part, refuse_beside_resume, with_settings
from rlchf.display import counted
from rlchf.jobs.constitution.supervised_settings import NONE, ReviseJob
from rlchf.train.constitution.revise_config import ReviseConfig

if TYPE_CHECKING:
    from rlchf.jobs.constitution.revise import Revisions


@with_settings(ReviseJob, ReviseConfig)
def command(
    given: Given,
    no_examples: Annotated[
        bool, typer.Option("--no-examples", help="No worked examples; the same as --examples none.")
    ] = False,
    out: Annotated[
        str, typer.Option(help="jsonl file for all answers, critiques and revisions.  [required]")
    ] = "",
    resume: Annotated[
        str,
        typer.Option(help="Output file of a stopped run to continue; its batch size may change."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Let a policy criticise and revise its own responses in the light of a constitution.

    Each round draws one of the principles that have a revision request, by weight, for each prompt.
    """
    need_torch("revising needs")
    from rlchf.jobs.constitution.revise import MAY_CHANGE, read_job, run_revise
    from rlchf.jobs.partial import partial_file

    if no_examples:
        if given.get("examples", NONE) != NONE:
            raise ValueError(f"--no-examples and --examples {given['examples']}; give one of them")
        given["examples"] = NONE
    if resume:
        refuse_beside_resume(
            [*given, *(["out"] if out else [])], MAY_CHANGE, reads=str(partial_file(resume))
        )
        job, config = read_job(resume)
        config = replace(config, **part(ReviseConfig, given))
    else:
        job, config = chosen(ReviseJob, given), chosen(ReviseConfig, given)
    path = resume or out
    if not path:
        raise ValueError(
            "out is missing: jsonl file for all answers, critiques and revisions; see --help"
        )
    with resumable("constitution revise", path, partial_file(path)):
        revisions = run_revise(job, config, path, resume=bool(resume))
    if as_json:
        print_json(revisions.to_dict())
        return
    say(_figures(revisions), err=True)


def _figures(revisions: "Revisions") -> str:
    """The figures in two lines."""
    counts, principles = revisions.revised.counts, revisions.revised.principles.most_common()
    return (
        f"{counted(counts['revisions'], 'revision')} of responses to {counted(revisions.prompts, 'prompt')}, "
        f"{counted(counts['critiques'], 'critique')}; {counts['unchanged_revisions']} changed nothing\n"
        f"principles: {', '.join(f'{name} {count}' for name, count in principles)}"
    )
