"""The command `rlchf audit`."""

from rlchf.cli.console import print_json, say, wide_console
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.jobs.settings import AuditJob


@with_settings(AuditJob, arguments=["rankings", "aggregated"])
def command(given: Given, as_json: Json = False) -> None:
    """Measure how collective rankings serve annotators and groups.

    The measures are agreement, representation, equality and justified representation.
    """
    from rlchf.cli.tables import fitting
    from rlchf.cli.tables.audit import tables
    from rlchf.jobs.audit import audit_files

    try:
        report = audit_files(chosen(AuditJob, given))
    except KeyboardInterrupt:
        say(
            "stopped before the audit was done; --folds 0 leaves out what takes longest",
            err=True,
        )
        raise
    if as_json:
        print_json(report.to_dict())
        return
    console = wide_console()
    for part in tables(report):
        for shown in [part] if isinstance(part, str) else fitting(part, console):
            console.print(shown)
