"""The command `rlchf audit`."""

import json
from typing import Annotated

import typer

from rlchf.cli.console import wide_console
from rlchf.cli.settings import Given, chosen, with_settings
from rlchf.jobs.settings import AuditJob


@with_settings(AuditJob, arguments=["rankings", "aggregated"])
def command(
    given: Given,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Measure agreement, representation, equality and justified representation of an outcome."""
    from rlchf.cli.tables.audit import tables
    from rlchf.jobs.audit import audit_files

    report = audit_files(chosen(AuditJob, given))
    if as_json:
        print(json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
        return
    console = wide_console()
    for part in tables(report):
        console.print(part, markup=False)
