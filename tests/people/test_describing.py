"""The section, the tables and the JSON about the people of one dataset, and what their sentences say."""

import io
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from rlchf.cli.tables.people import people_tables
from rlchf.jobs.compare import compare_files
from rlchf.jobs.compare_settings import CompareJob
from rlchf.people import People, describe_people
from rlchf.people.findings import findings
from rlchf.rankings import Rankings
from rlchf.report.comparison.people import people_section
from rlchf.report.document import Block, Fold, Table
from tests.support.planted_people import CLICKER, planted_people


@cache
def people() -> People:
    """Forty people in two groups, one of them opposed to the other, and two clickers."""
    roles = np.repeat([0, 1], [28, 12])
    roles[[3, 30]] = CLICKER
    rankings, _ = planted_people(roles, 80, kind="opposite", seed=6)
    groups = {str(a): "north" if a < 28 else "south" for a in range(40)}
    return describe_people(rankings, {"land": groups}, simulations=2)


def tables(blocks: list[Block]) -> list[Table]:
    found = []
    for block in blocks:
        if isinstance(block, Fold):
            found += tables(list(block.blocks))
        elif isinstance(block, Table):
            found.append(block)
    return found


def test_the_findings_name_opposed_groups_clickers_and_who_would_be_dropped() -> None:
    text = " ".join(findings(people()))
    assert "The groups by land that agree least are north and south: alpha -0." in text
    assert "less than by chance" in text
    assert "2 people of 40 are flagged" in text
    assert "On people simulated on these prompts the flag finds" in text
    assert "(the tenth with the least agreement with the others) would drop" in text
    assert "of the group south" in text


def test_a_notebook_shows_the_people_as_a_table() -> None:
    assert repr(people()) == "<People: 40 annotators, 80 prompts, 3,200 ballots>"
    table = people()._repr_html_()
    assert table.count("<tr>") == 4  # the head, all, north and south
    assert "<td>south</td>" in table


def test_every_row_of_the_section_has_as_many_cells_as_columns() -> None:
    section = people_section(people())
    found = tables(list(section.blocks))
    assert len(found) == 6
    assert all(len(row) == len(table.columns) for table in found for row in table.rows)
    annotators = found[-1]
    assert [row[-1] for row in annotators.rows[:3]] == ["flagged", "flagged", ""]
    assert {str(row[0]) for row in annotators.rows[:2]} == {"3", "30"}
    assert len(annotators.rows) == 40


def test_the_json_has_every_figure_and_no_nan() -> None:
    found = json.loads(json.dumps(people().to_dict(), allow_nan=False))
    assert found["clickers"]["flagged"] == ["3", "30"]
    assert found["clickers"]["error_rates"]["simulations"] == 2
    assert len(found["by_annotator"]["with_others"]["value"]) == 40
    assert found["by_annotator"]["seconds"] == [None] * 40
    assert len(found["by_prompt"]["alpha"]) == 80
    assert {row["group"] for row in found["consequences"]} == {"all", "north", "south"}
    assert found["between_groups"][0]["alpha"][0][1] < -0.1
    assert [one["name"] for one in found["effective_voters"]] == [
        "all", "land: north", "land: south",
    ]  # fmt: skip


def test_the_terminal_shows_findings_agreement_and_consequences() -> None:
    console = Console(width=150, record=True, file=io.StringIO())
    for part in people_tables(people()):
        console.print(part)
    text = console.export_text()
    assert "land: south" in text
    assert "flagged as random clickers" in text
    assert "What it would do to drop people" in text


@pytest.mark.parametrize(
    ("ballots", "words"),
    [
        ([("p", "ann", "a > b")], "No two people compare the same two responses"),
        ([("p", f"anonymous:{k}", "a > b") for k in range(3)], "there are no figures of single people"),
        ([("p", f"x{k}", "a = b") for k in range(30)], "that needs 20 people, and 9 ballots"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_said(ballots: list[tuple[str, str, str]], words: str) -> None:
    found = describe_people(Rankings.from_ballots(ballots))
    assert any(words in sentence for sentence in findings(found))
    assert people_section(found).blocks
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_command_takes_what_was_shown_and_refuses_what_does_not_fit(tmp_path: Path) -> None:
    rows = ["prompt_id,annotator_id,ranking"]
    shown = ["prompt_id,annotator_id,response_id,position,seconds"]
    for p in range(6):
        for name in ("x", "y"):
            rows.append(f"{p},{name},{'a > b' if name == 'x' else 'b > a'}")
            shown += [f"{p},{name},{r},{place},{7 + p}" for r, place in (("a", 1), ("b", 2))]
    ballots, screens = tmp_path / "rankings.csv", tmp_path / "shown.csv"
    ballots.write_text("\n".join(rows) + "\n")
    screens.write_text("\n".join(shown) + "\n")
    job = CompareJob(
        rankings=(str(ballots),), rules="borda,plurality", bootstrap=0, splits=0, folds=0, shown=str(screens)
    )  # fmt: skip
    found = compare_files(job).to_dict()["people"]["by_annotator"]
    assert found["first"]["value"] == [1.0, 0.0]
    assert found["seconds"] == [9.5, 9.5]
    screens.write_text("prompt_id,annotator_id,seconds\n9,x,4\n")
    with pytest.raises(ValueError, match="none of the 1 rows about what was shown"):
        compare_files(job)


def test_figures_do_not_depend_on_the_unit_of_the_weights() -> None:
    rows = [("p", "x", "a > b"), ("p", "y", "b > a"), ("q", "x", "c > d"), ("q", "z", "c > d = e")]
    one, other = (
        describe_people(Rankings.from_ballots(rows, [unit, 2 * unit, unit, 3 * unit])).to_dict()
        for unit in (1.0, 2.0**900)
    )
    assert one == other


def test_ballots_of_every_kind_are_described() -> None:
    soft = [
        {"prompt_id": p, "annotator_id": name, "chosen": "a", "rejected": "b", "probability": q}
        for p in range(12)
        for name, q in (("x", 0.7), ("y", 0.5), ("z", 1.0))
    ]
    approvals = [
        {"prompt_id": p, "annotator_id": f"x{a}", "response_id": r, "approved": (p * a + ord(r)) % 3 == 0}
        for p in range(12)
        for a in range(22)
        for r in "abcd"
    ]  # fmt: skip
    nothing = Rankings.from_ballots([("p", "x", "a > b"), ("p", "y", "a > b")], [0, 0])
    for rankings in (Rankings.from_frame(soft), Rankings.from_frame(approvals), nothing):
        groups = {name: "north" for name in rankings.annotator_ids[:2]}
        found = describe_people(rankings, groups, simulations=2)
        json.dumps(found.to_dict(), allow_nan=False)
        assert findings(found)
        assert people_section(found).blocks
