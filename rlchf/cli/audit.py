"""The command `rlchf audit`."""

import json
from typing import Annotated

import typer

from rlchf.cli.console import wide_console
from rlchf.rankings import Unranked


def command(
    rankings: Annotated[str, typer.Argument(help="Ranking file or PrefLib folder; - for stdin.")],
    aggregated: Annotated[
        str, typer.Argument(help="What rlchf aggregate wrote, or a reward model's scores.")
    ],
    annotators: Annotated[
        str, typer.Option(help="csv with annotator_id, optional weight, and columns for --group.")
    ] = "",
    group: Annotated[
        list[str] | None,
        typer.Option(help="Column of the annotators file to group by; repeat it for several."),
    ] = None,
    out: Annotated[str, typer.Option(help="Write everything as JSON to this file.")] = "",
    plot: Annotated[str, typer.Option(help="Write pictures (SVG, PNG) into this folder.")] = "",
    scores: Annotated[
        str, typer.Option(help="A reward model's scores of all prompts or some, audited besides.")
    ] = "",
    responses: Annotated[
        str, typer.Option(help="Judged responses: prompt_id, response_id and the judge's column.")
    ] = "",
    texts: Annotated[
        str, typer.Option(help="Judged texts of a policy: the judge's column, optional stage.")
    ] = "",
    judge: Annotated[
        str, typer.Option(help="Column of --responses and --texts with the kind of each text.")
    ] = "judge",
    shuffles: Annotated[
        int, typer.Option(help="Aggregate again with so many orders of the prompts.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
    bootstrap: Annotated[
        int, typer.Option(help="Replicates for 95 % intervals, 40 or more; 0 for none.")
    ] = 200,
    seed: Annotated[int, typer.Option(help="Of the bootstrap, the search and the shuffles.")] = 0,
    format: Annotated[str, typer.Option(help="Format of the ranking file.")] = "auto",
    unranked: Annotated[
        Unranked, typer.Option(help="What a response means that a ballot does not name.")
    ] = "missing",
) -> None:
    """Show who got their way: agreement, shares, equality and justified representation."""
    from rlchf.cli.tables.audit import tables
    from rlchf.jobs.audit import audit_files

    report = audit_files(
        rankings, aggregated, annotators=annotators, group=group or (), out=out, plot=plot,
        scores=scores, responses=responses, texts=texts, judge=judge, shuffles=shuffles,
        replicates=bootstrap, seed=seed, format=format, unranked=unranked,
    )  # fmt: skip
    if as_json:
        print(json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
        return
    console = wide_console()
    for part in tables(report):
        console.print(part, markup=False)
