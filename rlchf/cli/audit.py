"""The command `rlchf audit`."""

import json
from dataclasses import fields
from typing import Annotated, Any

import typer

from rlchf.cli.console import wide_console
from rlchf.jobs.audit_settings import AuditJob
from rlchf.rankings import Unranked

FIELDS = {one.name: one for one in fields(AuditJob)}


def _argument(name: str) -> Any:
    return typer.Argument(help=FIELDS[name].metadata["help"])


def _option(name: str) -> Any:
    return typer.Option(help=FIELDS[name].metadata["help"])


def command(
    rankings: Annotated[str, _argument("rankings")],
    aggregated: Annotated[str, _argument("aggregated")],
    annotators: Annotated[str, _option("annotators")] = AuditJob.annotators,
    group: Annotated[list[str] | None, _option("group")] = None,
    scores: Annotated[str, _option("scores")] = AuditJob.scores,
    responses: Annotated[str, _option("responses")] = AuditJob.responses,
    texts: Annotated[str, _option("texts")] = AuditJob.texts,
    label: Annotated[str, _option("label")] = AuditJob.label,
    format: Annotated[str, _option("format")] = AuditJob.format,
    unranked: Annotated[Unranked, _option("unranked")] = AuditJob.unranked,
    shuffles: Annotated[int, _option("shuffles")] = AuditJob.shuffles,
    bootstrap: Annotated[int, _option("bootstrap")] = AuditJob.bootstrap,
    seed: Annotated[int, _option("seed")] = AuditJob.seed,
    out: Annotated[str, _option("out")] = AuditJob.out,
    plot: Annotated[str, _option("plot")] = AuditJob.plot,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Measure agreement, representation, equality and justified representation of an outcome."""
    from rlchf.cli.tables.audit import tables
    from rlchf.jobs.audit import audit_files

    job = AuditJob(
        rankings=rankings, aggregated=aggregated, annotators=annotators, group=tuple(group or ()),
        scores=scores, responses=responses, texts=texts, label=label, format=format,
        unranked=unranked, shuffles=shuffles, bootstrap=bootstrap, seed=seed, out=out, plot=plot,
    )  # fmt: skip
    report = audit_files(job)
    if as_json:
        print(json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
        return
    console = wide_console()
    for part in tables(report):
        console.print(part, markup=False)
