"""The command `rlchf constitution judge`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from rlchf.cli.console import need_torch, print_json, resumable, say
from rlchf.cli.settings import Given, Json, chosen, flag, part, refuse_beside_resume, with_settings
from rlchf.constitution.judge_config import JudgeConfig
from rlchf.constitution.judges.settings import EndpointSettings
from rlchf.display import counted, signed
from rlchf.jobs.constitution.judge_settings import JudgeJob

if TYPE_CHECKING:
    from rlchf.jobs.constitution.judge import JudgeFailedError


@with_settings(JudgeJob, JudgeConfig, EndpointSettings, arguments=["responses"])
def command(
    given: Given,
    out: Annotated[str, typer.Option(help="jsonl file for the comparisons.  [required]")] = "",
    resume: Annotated[
        str,
        typer.Option(
            help="Output file of a stopped run to continue; its batch size, and the limits of an endpoint, "
            "may change."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Let principles judge pairs of responses, as annotators.

    A judge is asked each principle's question about each pair, in both orders. What is written is an
    ordinary file of comparisons, whose annotators are the principles, with soft labels.
    """
    from rlchf.jobs.constitution.judge import (
        MAY_CHANGE,
        JudgeFailedError,
        needs_torch,
        read_job,
        run_judge,
    )
    from rlchf.jobs.partial import partial_file

    if resume:
        refuse_beside_resume(
            [*given, *(["out"] if out else [])], MAY_CHANGE, reads=str(partial_file(resume))
        )
        job, config, endpoint = read_job(resume)
        config = replace(config, **part(JudgeConfig, given))
        endpoint = replace(endpoint, **part(EndpointSettings, given))
    else:
        job, config = chosen(JudgeJob, given), chosen(JudgeConfig, given)
        endpoint = chosen(EndpointSettings, given)
    path = resume or out
    if not path:
        raise ValueError("out is missing: jsonl file for the comparisons; see --help")
    if needs_torch(job):
        need_torch("a language model as judge needs")

    def announce(amount: str) -> None:
        say(f"to ask: {amount}", err=True)

    with resumable("constitution judge", path, partial_file(path)):
        try:
            run = run_judge(job, config, path, endpoint, resume=bool(resume), announce=announce)
        except JudgeFailedError as error:
            if advice := _advice(error, path, MAY_CHANGE):
                error.add_note(advice)
            raise
    one = run.judged
    bias = "" if one.position_bias is None else f"; position bias {signed(one.position_bias)}"
    say(
        f"judgements: {len(one.verdicts)} of {one.comparisons} comparisons, {one.ties} of them ties; "
        f"{one.nonsense:,} of {counted(one.answers, 'answer')} "
        f"{'names' if one.nonsense == 1 else 'name'} no option{bias}",
        err=True,
    )
    for name, usage in run.usage.items():
        say(
            f"{name}: {usage['answered']} answers, {usage['cached']} more from the cache; "
            f"{usage['prompt_tokens']:,} tokens in, {usage['completion_tokens']:,} out; "
            f"cost {usage['cost']:g}",
            err=True,
        )
    if as_json:
        print_json(run.to_dict())


def _advice(error: "JudgeFailedError", path: str, may_change: Sequence[str]) -> str:
    """How to go on after an error of a judge; empty if nothing is kept."""
    from rlchf.constitution.judges.client import EndpointError
    from rlchf.constitution.judges.limits import SpendingLimitError
    from rlchf.jobs.partial import partial_file

    asked = isinstance(error.__cause__, EndpointError | SpendingLimitError)
    if not error.recorded:
        return "no batch of answers is complete: give the whole command again" if asked else ""
    anew = ", ".join(map(flag, may_change if asked else may_change[:1]))
    return (
        f"go on with: rlchf constitution judge --resume {path}, beside which {anew} may be given anew; or "
        f"remove {partial_file(path)} and begin again"
    )
