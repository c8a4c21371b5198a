"""The command `rlchf sample`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from rlchf.cli.console import need_torch, print_json, resumable, say
from rlchf.cli.settings import Given, Json, chosen, part, refuse_beside_resume, with_settings
from rlchf.display import counted
from rlchf.jobs.settings import SampleJob
from rlchf.train.candidates.config import CandidateConfig

if TYPE_CHECKING:
    from rlchf.jobs.sample import Sampled


@with_settings(SampleJob, CandidateConfig)
def command(
    given: Given,
    out: Annotated[str, typer.Option(help="jsonl file for the responses.  [required]")] = "",
    resume: Annotated[
        str,
        typer.Option(help="Output file of a stopped run to continue; its batch size may change."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Sample candidate responses for annotators to rank.

    Independent draws from one policy are often alike, so candidates can be asked to differ. The
    diversity of the responses is printed on standard error.
    """
    need_torch("sampling needs")
    from rlchf.jobs.partial import partial_file
    from rlchf.jobs.sample import MAY_CHANGE, read_job, run_sample

    if resume:
        refuse_beside_resume(
            [*given, *(["out"] if out else [])], MAY_CHANGE, reads=str(partial_file(resume))
        )
        job, config = read_job(resume)
        config = replace(config, **part(CandidateConfig, given))
    else:
        job, config = chosen(SampleJob, given), chosen(CandidateConfig, given)
    path = resume or out
    if not path:
        raise ValueError("out is missing: jsonl file for the responses; see --help")
    with resumable("sample", path, partial_file(path)):
        sampled = run_sample(job, config, path, resume=bool(resume))
    _say(sampled)
    if as_json:
        print_json(sampled.to_dict())


def _say(sampled: "Sampled") -> None:
    """Print the figures on standard error."""
    candidates = sampled.candidates
    count = candidates.drawn - candidates.merged
    say(
        f"responses: {count} to {counted(len(candidates.by_prompt), 'prompt')}; "
        f"{candidates.merged} of {candidates.drawn} ({candidates.merged / candidates.drawn:.0%}) were exact "
        "duplicates and are merged",
        err=True,
    )
    line = f"diversity: {candidates.diversity:.3f}, the mean distance of two responses to a prompt"
    if candidates.baseline:
        one = candidates.baseline
        line += (
            f"; on the first {counted(one.prompts, 'prompt')} {one.diversity:.3f}, and "
            f"{one.independent:.3f} with independent draws"
        )
    say(line, err=True)
