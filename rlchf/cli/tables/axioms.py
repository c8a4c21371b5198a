"""Tables of axioms by rules."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from rlchf.axioms.cases import Case
from rlchf.axioms.counterexamples import (
    ballot_lines,
    in_words,
    names_of,
    replayed,
    result_text,
)
from rlchf.axioms.rates import Rate
from rlchf.cli.tables import fitting, influence, make_table, manipulation
from rlchf.jobs.axioms import AxiomReport, Measured
from rlchf.rules import SCOPES, get_rule, is_across

CONDITION = "its condition holds"
LINES = 12
"""Ballots of a prompt of a file that are shown at most."""
FEW = 6
"""Pairs of a rule and an axiom that are told in sentences, with their counterexamples."""


def tables(report: AxiomReport, console: Console) -> Iterator[Table | str]:
    """What is known, and the rates; a row for each rule where there is no room for a column for each."""
    if len(report.statuses) <= FEW:
        for status in report.statuses:
            yield status.sentence
            if status.counterexample:
                yield from (f"  {line}" for line in in_words(replayed(status.counterexample))[1:])
            elif status.seen:
                yield from (f"  {line}" for line in seen_lines(status.rule, status.seen))
    else:
        yield turned(status_table(report), console)
        yield from legend(report)
    if "participation" in report.axioms:
        yield (
            " participation: a ballot prefers a set of winners to another if it ranks each of the first at "
            "least as high as each of the second, and one higher (Kelly 1977)"
        )
    for one in report.measured:
        yield ""
        heading = one.heading or f"{one.name} ({one.scope})"
        yield (
            f"{heading}: share of the elections on which the axiom is broken, with Wilson's 95 % interval"
        )
        yield turned(rates_table(one, report), console)
        yield from rates_notes(one, report)
    for dataset in report.manipulated:
        yield ""
        yield f"{dataset.name}: manipulation"
        yield from manipulation.tables(dataset.found)
    for found in report.influences:
        yield ""
        yield from influence.tables(found)


def seen_lines(rule: str, case: Case) -> Iterator[str]:
    """The ballots of a prompt on which a rule across prompts broke an axiom, and its ranking there."""
    names = names_of(case)[0]
    lines = ballot_lines(case.elections[0], names)
    yield f"the prompt, its responses {', '.join(names)} in the order of the file"
    yield from (f"  {line}" for line in lines[:LINES])
    if len(lines) > LINES:
        yield f"  and {len(lines) - LINES:,} other ballots"
    yield f"  {rule} ranks {result_text(case.places[0], names)}, given the prompts before it"


def status_table(report: AxiomReport) -> Table:
    """A row for each axiom, a column for each rule."""
    table = make_table("axiom", *report.rules)
    words = {(status.rule, status.axiom): status.word for status in report.statuses}
    for axiom in report.axioms:
        table.add_row(axiom, *(words[rule, axiom] for rule in report.rules))
    return table


def turned(table: Table, console: Console) -> Table:
    """The table with rows and columns exchanged if it has more columns than rows and does not fit."""
    few_rows = len(table.rows) < len(table.columns) - 1
    if not few_rows or len(list(fitting(table, console))) == 1:
        return table
    axioms, *rules = table.columns
    other = make_table("rule", *(str(name) for name in axioms.cells))
    for rule in rules:
        other.add_row(str(rule.header), *(str(cell) for cell in rule.cells))
    return other


def legend(report: AxiomReport) -> Iterator[str]:
    """What the words of the table mean."""
    used = {status.scope for status in report.statuses if status.satisfied and status.scope}
    for scope in SCOPES:
        if scope in used:
            yield f" yes, {scope}: {SCOPES[scope]}"
    words = {status.word for status in report.statuses}
    if "no" in words:
        file = any(status.met for status in report.statuses)
        more = ", with the file if it was found there" if file else ""
        yield f" no: --rules RULE --axioms AXIOM shows the counterexample{more}"
    if "none found" in words:
        yield " none found: no counterexample in a search, which is no proof"
        if any(is_across(get_rule(rule)) for rule in report.rules):
            yield (
                " of rules across prompts, axioms about one election are searched on single prompts and on "
                "two and three identical prompts, axioms about a change on single prompts only"
            )
    if "not searched" in words:
        yield " not searched: --search N searches N cases"


def rates_table(measured: Measured, report: AxiomReport) -> Table:
    """A row for each axiom, a column for each rule; a dash where the axiom's condition holds nowhere."""
    table = make_table("axiom", *report.rules)
    cells = {(rate.rule, rate.axiom): cell(rate) for rate in measured.rates}
    inner = {(rate.rule, rate.axiom): cell(rate.within) for rate in measured.rates if rate.within}
    for axiom in report.axioms:
        table.add_row(axiom, *(cells.get((rule, axiom), "-") for rule in report.rules))
        if any((rule, axiom) in inner for rule in report.rules):
            row = [inner.get((rule, axiom), "") for rule in report.rules]
            table.add_row(f"{axiom}, if {CONDITION}", *row)
    return table


def rates_notes(measured: Measured, report: AxiomReport) -> Iterator[str]:
    """What the rows of rates mean where it needs a sentence."""
    scopes = {rate.scope for rate in measured.rates if rate.within}
    if scopes:
        conditions = "; ".join(f"{scope}: {SCOPES[scope]}" for scope in SCOPES if scope in scopes)
        yield (
            f" if {CONDITION}: of the elections on which the condition of the rule's claim is met as well "
            f"({conditions}); a rule breaks the axiom outside of its condition only"
        )
    changed = [rate for rate in measured.rates if rate.changes > 1]
    if any(rate.of == 1 for rate in measured.rates):
        yield (
            " one election: 0.000 says that it does not break the axiom, 1.000 that it does; the interval is "
            "about other elections like it"
        )
    if any(not rate.complete for rate in changed):
        most = max(rate.changes for rate in changed)
        yield (
            f" up to {most} changes of each election are tried: a rate is a lower bound where there are more"
        )


def cell(rate: Rate) -> str:
    """A share with its interval and the number of elections."""
    if not rate.elections:
        return "-"
    return f"{rate.share:.3f} ({rate.low:.3f}-{rate.high:.3f}) of {rate.elections:,}"
