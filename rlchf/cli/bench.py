"""The commands of `rlchf bench`, one function per benchmark."""

from dataclasses import replace
from typing import Annotated

import typer

from rlchf.cli.console import need_torch, print_json, resumable, wide_console
from rlchf.cli.settings import Given, Json, chosen, part, refuse_beside_resume, with_settings
from rlchf.jobs.bench_settings import BenchJob


@with_settings(BenchJob, arguments=["file"])
def rewardbench2(
    given: Given,
    out: Annotated[
        str, typer.Option(help="New folder for the scores (scores.jsonl) and figures.json.")
    ] = "",
    resume: Annotated[
        str,
        typer.Option(
            help="Output folder of a stopped run to continue; its batch size and bootstrap may change."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Measure a reward model on RewardBench 2.

    The file is the public dataset allenai/reward-bench-2, or one of the same columns. Each figure has a
    bootstrap interval over prompts.
    """
    from rlchf.jobs.bench import MAY_CHANGE, read_job, run_rewardbench2
    from rlchf.jobs.partial import partial_file

    if resume:
        refuse_beside_resume(
            [*given, *(["out"] if out else [])], MAY_CHANGE, reads=str(partial_file(resume))
        )
        job = replace(read_job(resume), **part(BenchJob, given))
    else:
        job = chosen(BenchJob, given)
    path = resume or out
    if job.reward:
        need_torch("a reward model needs")
    with resumable("bench rewardbench2", path, partial_file(path or "bench")):
        benched = run_rewardbench2(job, path, resume=bool(resume))
    if as_json:
        print_json(benched.to_dict())
        return
    from rlchf.cli.tables.bench import tables

    console = wide_console()
    for one in tables(benched):
        console.print(one)
