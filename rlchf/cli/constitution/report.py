"""The command `rlchf constitution report`."""

from rlchf.cli.console import print_json, say
from rlchf.cli.settings import Given, Json, chosen, with_settings
from rlchf.jobs.constitution.report_settings import ConstitutionReportJob


@with_settings(ConstitutionReportJob, arguments=["rankings"])
def command(given: Given, as_json: Json = False) -> None:
    """Report on a constitution and its judge.

    The report has the influence of each principle, the effective number of voters, position bias, agreement
    with truth and people, evasiveness, over-refusal, and scores from stage to stage.
    """
    from rlchf.jobs.constitution.report import report_files

    report = report_files(chosen(ConstitutionReportJob, given))
    if as_json:
        print_json(report.to_dict())
    else:
        say("\n".join(report.sentences()))
