"""The command `rlchf axioms`."""

from rlchf.cli.console import print_json, say, wide_console
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.jobs.axioms_settings import AxiomsJob


@with_settings(AxiomsJob, arguments=["rankings"])
def command(given: Given, as_json: Json = False) -> None:
    """Show which axioms voting rules satisfy and break.

    The card of a rule names the axioms that it satisfies, with their sources; a table or a search gives
    counterexamples to the others. On rankings or cultures the command measures the share of elections that
    break each axiom, and on request how often the rules can be manipulated and what changes without each
    annotator.
    """
    from rlchf.axioms.counterexamples import in_words
    from rlchf.jobs.axioms import axioms_of_rules
    from rlchf.jobs.replays import replay_file

    job = chosen(AxiomsJob, given)
    if job.replay:
        replays = replay_file(job)
        if as_json:
            print_json([
                {**one.counterexample.record(), "broken": one.broken} for one in replays
            ])  # fmt: skip
        else:
            say("\n\n".join("\n".join(in_words(one)) for one in replays))
        return
    report = axioms_of_rules(job)
    if as_json and not report.stopped:
        print_json(report.record())
        return
    from rlchf.cli.tables import fitting
    from rlchf.cli.tables.axioms import tables

    console = wide_console()
    for part in tables(report, console):
        for shown in [part] if isinstance(part, str) else fitting(part, console):
            console.print(shown)
    if report.stopped:
        say("stopped: these are the rates measured so far, and no file is written", err=True)
        raise SystemExit(130)
