"""The report of an audit, and the audit read back from its JSON."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import rlchf
from rlchf.auditing.reading import audit_from
from rlchf.auditing.report import Audit, audit
from rlchf.auditing.weighting import WeightedFigures, WeightedRow
from rlchf.jobs.audit import audit_files
from rlchf.jobs.facts import report_facts
from rlchf.jobs.settings import AuditJob
from rlchf.report.audit import audit_document, audit_findings
from rlchf.report.audit_people import weights_section
from rlchf.report.document import Table, Text
from rlchf.report.page import blocks_of, render
from rlchf.report.tables import lay_out
from tests.support.reports import EVIL

FEW, MANY = f"few {EVIL}", "many"


@pytest.fixture(scope="module")
def report() -> Audit:
    """Twenty prompts, on which eight people always outvote four."""
    ballots = [
        (f"p{p}", f"v{v}", "a > b > c" if v < 8 else "c > b > a")
        for p in range(20)
        for v in range(12)
    ]
    rankings = rlchf.Rankings.from_ballots(ballots)
    groups = {f"v{v}": MANY if v < 8 else FEW for v in range(12)}
    result = rlchf.aggregate(rankings, "borda")
    return audit(rankings, result, groups, axioms=True, baselines=True, folds=4)


def test_the_findings_name_who_loses_with_the_figures(report: Audit) -> None:
    findings = list(audit_findings(report))
    assert findings[0].startswith(
        "The collective rankings agree with people who took no part in them on"
    )
    assert "67 %" in findings[0]  # eight of twelve
    assert any(one.startswith(f"Served least: {FEW}, at -1.00") for one in findings)
    assert any("served less than by an order drawn at random" in one for one in findings)
    assert any("ratio" in one and f"{FEW} 0.00" in one for one in findings)
    justified = next(one for one in findings if one.startswith("Justified"))
    assert (
        "4 annotators who agree deserve 6 of the rounds by their number and received 0" in justified
    )
    assert any("4 annotators" in one and "approve nothing that won" in one for one in findings)


def test_every_figure_of_the_audit_is_in_a_table(report: Audit) -> None:
    document = audit_document(report, {"Date": "today"})
    tables = {one.caption: one for one in blocks_of(document.sections) if isinstance(one, Table)}
    held_out = next(t for caption, t in tables.items() if caption.startswith("Agreement held out"))
    rows = {row[0]: row[1:] for row in held_out.rows}
    for one in report.intervals:
        if one.measure in ("pairs", "contested", "first_place"):
            assert one in rows[one.name]
    people = next(t for caption, t in tables.items() if caption.startswith("Agreement of each"))
    assert {row[0] for row in people.rows[:4]} == {"v8", "v9", "v10", "v11"}
    assert len(people.rows) == 12
    page = render(document)
    assert "<img src=x" not in page
    assert page.count('role="img"') >= 4


def test_an_audit_is_read_back_from_its_json(report: Audit) -> None:
    again = audit_from(json.loads(json.dumps(report.to_dict())))
    assert repr(again.to_dict()) == repr(report.to_dict())
    assert again.standings[0].stands_low
    assert again.margins.smith == report.margins.smith
    with pytest.raises(ValueError, match="the audit lacks 'margins' of Audit; audit again"):
        audit_from({name: value for name, value in report.to_dict().items() if name != "margins"})


def test_people_who_are_anonymous_are_not_listed() -> None:
    ballots = [("p", f"anonymous:{n}", "a > b") for n in range(3)]
    rankings = rlchf.Rankings.from_ballots(ballots)
    document = audit_document(audit(rankings, rlchf.aggregate(rankings)), {})
    assert "anonymous:1" not in render(document)


def test_one_ballot_makes_a_report() -> None:
    rankings = rlchf.Rankings.from_ballots([("p", "ann", "a > b")])
    report = audit(rankings, rlchf.aggregate(rankings), axioms=True, baselines=True)
    document = audit_document(report, {})
    tables = [lay_out(one) for one in blocks_of(document.sections) if isinstance(one, Table)]
    assert not [cell for one in tables for row in one.first for cell in row if "nan" in cell]
    assert render(document)


def test_weights_are_shown_beside_plain_counts(report: Audit) -> None:
    rows = [WeightedRow("all", 12, 1.0, 1.0, 0.6, 0.7, 0.5, 0.4)]
    figures = WeightedFigures(
        people=12, without=1, design_effect=1.5, effective_sample_size=8.0, rows=rows
    )
    section = weights_section(replace(report, weights=figures))
    assert section
    text, table = section.blocks
    assert isinstance(text, Text)
    assert "12 annotators are as sure as 8.0 with equal weights" in text.sentences[0]
    assert text.sentences[1].startswith("1 annotator with ballots has the weight 0")
    assert isinstance(table, Table)
    assert table.rows == [["all", 12, 1.0, 1.0, 0.6, 0.7, 0.5, 0.4]]
    assert weights_section(report) is None


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"p,v{v},{'a > b' if v < 3 else 'b > a'}" for v in range(5)]
    ballots = tmp_path / "rankings.csv"
    ballots.write_text("\n".join(["prompt_id,annotator_id,ranking", *rows]))
    aggregated = tmp_path / "aggregated.jsonl"
    rlchf.aggregate(rlchf.read_rankings(ballots), "borda").write(aggregated)
    job = AuditJob(
        rankings=(str(ballots),), aggregated=str(aggregated), report=str(tmp_path / "audit.html")
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    audit_files(job)
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "1970-01-02" in page
    assert f"rlchf {rlchf.__version__}" in page
    assert "rankings.csv (0.1 KiB)" in page


def test_a_report_names_the_command_only_where_it_was_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Command" not in report_facts([])
    monkeypatch.setattr("sys.argv", ["/usr/bin/rlchf", "audit", "a b.csv"])
    assert report_facts([])["Command"] == "rlchf audit 'a b.csv'"
