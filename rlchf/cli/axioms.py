"""The command `rlchf axioms`."""

from rlchf.cli.console import print_json, say, wide_console
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.jobs.axioms_settings import AxiomsJob


@with_settings(AxiomsJob, arguments=["rankings"])
def command(given: Given, as_json: Json = False) -> None:
    """Show which axioms voting rules satisfy and break.

    What a rule satisfies is on its card, with its source; for the rest there is a table of counterexamples,
    or a search. With rankings or cultures it measures on what share of elections each axiom is broken, and
    on request how often the rules can be manipulated, and what changes without each annotator.
    """
    from rlchf.axioms.counterexamples import in_words
    from rlchf.jobs.axioms import axioms_of_rules, replay_file

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
    if as_json:
        print_json(report.record())
        return
    from rlchf.cli.tables import fitting
    from rlchf.cli.tables.axioms import tables

    console = wide_console()
    for part in tables(report, console):
        for shown in [part] if isinstance(part, str) else fitting(part, console):
            console.print(shown)
