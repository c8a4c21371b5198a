"""The page of a comparison in a real browser, and with groups by the hundred."""

import json
from pathlib import Path

import pytest

import rlchf
from rlchf import Rankings
from rlchf.comparison.texts import divided_texts
from rlchf.jobs.compare import Compared, comparison_document
from rlchf.report.comparison.gains import gains_section
from rlchf.report.comparison.words import words_section
from rlchf.report.document import Chart, Fold, Section, Table
from rlchf.report.page import blocks_of, render
from tests.support.browser import opened
from tests.support.comparisons import divided, random_rankings
from tests.support.reports import EVIL

RULES = "borda,kemeny,plurality,smith,perpetual_pav"

MEASURED = """
const { scrollWidth, clientWidth, dataset } = doc.documentElement;
const shapes = [...doc.querySelectorAll(".live")]
  .map((one) => one.querySelectorAll("svg.marks path, svg.marks text").length);
return JSON.stringify({ scrollWidth, clientWidth, drawn: dataset.drawn, shapes });
"""


@pytest.fixture(scope="module")
def compared() -> Compared:
    """Random ballots of 24 people in as many groups, one of which has a hostile name."""
    rankings = random_rankings(1, prompts=20, annotators=24)
    groups = {
        name: EVIL if n == 0 else f"group {n}" for n, name in enumerate(rankings.annotator_ids)
    }
    comparison = rlchf.compare(rankings, RULES, groups, bootstrap=20, splits=2, folds=5)
    responses = {p: {r: f"{EVIL} {r}" for r in rankings.responses(p)} for p in rankings.prompt_ids}
    return Compared(rankings, comparison, divided_texts(comparison, rankings, None, responses))


def test_every_group_and_rule_is_in_a_table(compared: Compared) -> None:
    document = comparison_document(compared, {})
    sections = {section.name: section for section in document.sections}
    assert list(sections) == ["data", "rules", "stability", "gains", "texts", "words"]
    tables = [one for one in blocks_of([sections["gains"]]) if isinstance(one, Table)]
    groups = {row[0] for row in tables[0].rows}
    assert {EVIL, *(f"group {n}" for n in range(1, 24))} >= groups
    assert len(groups) > 15
    for name in ("rules", "stability", "gains"):
        rules = {row[0] for table in tables_of(sections[name]) for row in table.rows}
        assert set(RULES.split(",")) <= rules


def tables_of(section: Section) -> list[Table]:
    return [one for one in blocks_of([section]) if isinstance(one, Table)]


def test_a_majority_graph_is_drawn_for_each_of_the_worst_prompts(compared: Compared) -> None:
    worst = [row.prompt_id for row in compared.comparison.data.worst(4)]
    document = comparison_document(compared, {})
    titles = [one.title for one in blocks_of(document.sections[:1]) if isinstance(one, Chart)]
    assert len(worst) == len(titles) > 0
    for prompt, title in zip(worst, titles, strict=True):
        assert f"prompt {prompt}" in title


@pytest.mark.slow
def test_every_chart_is_drawn_on_a_phone_without_a_word_on_the_console(
    compared: Compared, tmp_path: Path
) -> None:
    document = comparison_document(compared, {"Date": "today"})
    charts = sum(isinstance(one, Chart) for one in blocks_of(document.sections))
    text, console = opened(render(document), tmp_path, MEASURED, width=390)
    measured = json.loads(text)
    assert console == []
    assert measured["scrollWidth"] <= measured["clientWidth"] == 390
    assert int(measured["drawn"]) == len(measured["shapes"]) == charts
    assert min(measured["shapes"]) > 0


@pytest.mark.slow
def test_a_thousand_prompts_and_hundreds_of_groups_are_below_two_megabytes() -> None:
    ballots = [
        (
            f"p{p}",
            f"a{(7 * p + v) % 250}",
            ["a > b > c", "b > c > a", "c > a > b", "c > b > a"][(p * v) % 4],
        )
        for p in range(1000)
        for v in range(5)
    ]
    rankings = Rankings.from_ballots(ballots)
    groups = {name: f"group {name}" for name in rankings.annotator_ids}
    comparison = rlchf.compare(
        rankings, "borda,kemeny,veto", groups, bootstrap=20, splits=2, folds=2
    )
    compared = Compared(rankings, comparison, divided_texts(comparison, rankings))
    page = render(comparison_document(compared, {}))
    assert len(page.encode()) < 2e6
    assert "group a249" in page


def test_the_chart_of_who_gains_shows_those_who_get_least_and_few_rules() -> None:
    """Nine groups of which the small one loses, and eleven rules."""
    ballots = [
        (
            f"p{p}",
            f"g{g} {i}",
            "d > c > b > a" if g == 8 else f"a > {'b > c' if p % 9 == g else 'c > b'} > d",
        )
        for p in range(12)
        for g in range(9)
        for i in range(2)
    ]
    rankings = Rankings.from_ballots(ballots)
    groups = {name: name.partition(" ")[0] for name in rankings.annotator_ids}
    rules = "borda,kemeny,plurality,veto,dowdall,copeland,minimax,schulze,smith,cpb,bucklin"
    comparison = rlchf.compare(rankings, rules, groups, bootstrap=0, splits=0, folds=2)
    section = gains_section(comparison)
    assert section is not None
    (chart,) = [one for one in blocks_of([section]) if isinstance(one, Chart)]
    rows = [row for values in chart.spec["datasets"].values() for row in values if "series" in row]
    drawn = {row["series"] for row in rows}
    assert "g8" in drawn
    assert len(drawn) == 8
    named = {row["name"] for row in rows}
    assert {"kemeny", "borda"} <= named
    assert len(named) <= 10
    assert "8 of 9 groups" in chart.title
    assert "of 11 rules" in chart.title
    assert chart.spec["height"] < 1000
    tables = {row[0] for table in tables_of(section) for row in table.rows}
    assert set(rules.split(",")) <= tables


def test_every_rule_that_the_findings_name_is_explained() -> None:
    rankings, groups = divided()
    comparison = rlchf.compare(
        rankings, "borda,kemeny,perpetual_pav", groups, bootstrap=0, splits=0
    )
    (fold,) = words_section(comparison).blocks
    assert isinstance(fold, Fold)
    (table,) = fold.blocks
    assert isinstance(table, Table)
    meanings = {str(word): str(meaning) for word, meaning in table.rows}
    assert {"borda", "kemeny", "perpetual_pav", "Smith set", "bootstrap"} <= set(meanings)
    assert all(meaning.endswith(".") for meaning in meanings.values())
