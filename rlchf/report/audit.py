"""The report of an audit: how far collective rankings serve the people, and each group of them."""

import math
from collections.abc import Iterator, Mapping

from rlchf.auditing.held_out import count_members, low_outliers
from rlchf.auditing.report import Audit
from rlchf.auditing.stages import first_places_sentence
from rlchf.auditing.standing import by_position
from rlchf.auditing.standing_sentences import adopted, served_least
from rlchf.display import counted, listed, percent
from rlchf.report.audit_sections import SPARSE, STRONG, audit_sections
from rlchf.report.audit_words import held_out_again, ratios_of, span
from rlchf.report.document import (
    Document,
    Fold,
    Section,
    Text,
)
from rlchf.report.tables import cell_text


def audit_document(report: Audit, facts: Mapping[str, str]) -> Document:
    """The report of an audit.

    Parameters
    ----------
    report
        The measures.
    facts
        Date, version, command, files: what stands under the title.

    Examples
    --------
    >>> import rlchf
    >>> rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b"), ("p", "eve", "b > a")])
    >>> report = rlchf.audit(rankings, rlchf.aggregate(rankings, "borda"))
    >>> [section.title for section in audit_document(report, {}).sections]
    ['Agreement', 'People', 'Majorities']
    """
    sections = audit_sections(report)
    if report.scores:
        inner = [Fold(section.title, section.blocks) for section in audit_sections(report.scores)]
        title = "Agreement of the reward model"
        sections.append(
            Section("scores", title, [Text(list(audit_findings(report.scores))), *inner])
        )
    title = f"Audit of the collective rankings by {report.rule}"
    return Document(title, list(audit_findings(report)), sections, facts)


def audit_findings(report: Audit) -> Iterator[str]:
    """What was found, in sentences: the most important first."""
    labels = first_places_sentence(report.stages)
    if labels:
        yield labels
    yield from _agreement_findings(report)
    yield from _group_findings(report)
    yield from _justified_findings(report)
    if report.approvals.without:
        people = counted(len(report.approvals.without), "annotator")
        yield (
            f"{people}, who have {percent(report.approvals.without_weight)} of the weight, "
            f"approve{'s' * (len(report.approvals.without) == 1)} nothing that won on any prompt."
        )
    low = low_outliers(report.held_out.annotators) if report.held_out else []
    if low and report.held_out:
        groups = [
            f"{n} of the {size} of {name}"
            for name, (n, size) in count_members(low, report.held_out.annotators).items()
        ]
        which = f": {listed(groups)}" if groups else ""
        yield (
            f"{counted(len(low), 'annotator')} agree on far fewer contested pairs than most{which}. They "
            "may be a minority as well as careless; look at them before leaving anybody out."
        )
    yield _majorities_finding(report)


def _agreement_findings(report: Audit) -> Iterator[str]:
    overall = {one.measure: one for one in report.intervals if one.name == "all"}
    how = (
        "who took no part in them"
        if held_out_again(report)
        else "from whose ballots they may be made"
    )
    if "pairs" in overall:
        text = f"The collective rankings agree with people {how} on {span(overall['pairs'])} of all pairs"
        contested = overall.get("contested")
        sparse = report.held_out is not None and report.held_out.ballots_per_prompt < SPARSE
        if contested and not sparse and not math.isnan(contested.value):
            text += f", and on {span(contested)} of the pairs about which people disagree"
        yield f"{text}."
        return
    yield (
        f"The collective rankings agree with {percent(report.overall.pairs)} of the pairs on the ballots "
        f"from which they were made, and with {percent(report.overall.contested)} of the contested ones."
    )


def _group_findings(report: Audit) -> Iterator[str]:
    rows = by_position(report.standings)
    if any(not math.isnan(row.agreed.value) for row in rows):
        yield from (sentence.strip() for sentence in served_least(rows))
        losing = [row.name for row in rows if row.losing]
        if losing:
            verb = "is" if len(losing) == 1 else "are"
            yield (
                f"{listed(losing)} {verb} served less than by an order drawn at random, which would agree "
                "with half of the contested pairs."
            )
        yield from (sentence.strip() for sentence in adopted(rows))
    short = [one for one in ratios_of(report) if one.high < 1]
    if short:
        ratios = [f"{one.name} {cell_text(one, 2)}" for one in short]
        yield (
            "Served less than in proportion to their weight, being opposed to the others (representation "
            f"ratio, in proportion at 1): {listed(ratios)}."
        )


def _justified_findings(report: Audit) -> Iterator[str]:
    """The first unit of decision over which an axiom is violated, and the others by name."""
    violated = {
        unit: [one for one in verdicts if one.holds is False and one.axiom in STRONG]
        for unit, verdicts in report.axioms.items()
    }
    units = [unit for unit, broken in violated.items() if broken]
    if not units:
        return
    broken = violated[units[0]]
    worst = max(broken, key=lambda one: one.deserved - one.received)
    others = f" It fails over {listed(units[1:])} too." if len(units) > 1 else ""
    yield (
        f"Justified representation ({', '.join(one.axiom for one in broken)}) fails: "
        f"{counted(worst.members, 'annotator')} who agree deserve {worst.deserved:g} of the {units[0]} by "
        f"their number and received {worst.received:g}.{others}"
    )


def _majorities_finding(report: Audit) -> str:
    m = report.margins
    return (
        f"Of {counted(m.prompts, 'prompt')}, {percent(m.condorcet)} have a Condorcet winner, a response "
        f"that beats every other by majority; on {percent(m.cycles)} majorities form a cycle. People "
        f"disagree about {percent(m.contested)} of the pairs of responses."
    )
