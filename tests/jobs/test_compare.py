"""The command ``rlchf compare``: its findings, its files, and what it refuses."""

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pyarrow.csv
import pytest
from rich.table import Table

from rlchf.cli.tables.compare import tables
from rlchf.comparison import compare
from rlchf.jobs.compare import compare_files
from rlchf.jobs.compare_settings import CompareJob
from rlchf.jobs.inputs import read_people
from tests.support.cli import refused, rlchf
from tests.support.comparisons import divided

CYCLE = ("a > b > c", "b > c > a", "c > a > b")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine people in two groups; on half of the prompts the majorities form a cycle."""
    folder = tmp_path_factory.mktemp("compare")
    lines = ["prompt_id,annotator_id,ranking"]
    for p in range(8):
        for i in range(9):
            ballot = "a > b > c" if i < 6 else "c > b > a"
            lines.append(f"p{p},a{i},{CYCLE[i % 3] if p % 2 else ballot}")
    (folder / "rankings.csv").write_text("\n".join(lines) + "\n")
    people = ["annotator_id,region"] + [f"a{i},{'north' if i < 6 else 'south'}" for i in range(9)]
    (folder / "people.csv").write_text("\n".join(people) + "\n")
    prompts = [{"prompt_id": f"p{p}", "prompt": f"<b>Question</b> {p}?"} for p in range(8)]
    texts = {"a": "Boil it.", "b": "Boil it.", "c": "</script><script>alert(1)</script>"}
    responses = [
        {"prompt_id": f"p{p}", "response_id": r, "text": text}
        for p in range(8)
        for r, text in texts.items()
    ]
    for name, rows in (("prompts", prompts), ("responses", responses)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return folder


def options(folder: Path, **more: Any) -> list[str]:
    given = {
        "annotators": folder / "people.csv", "group": "region", "prompts": folder / "prompts.jsonl",
        "responses": folder / "responses.jsonl", "rules": "borda,kemeny,plurality,perpetual_pav",
        "bootstrap": 40, "splits": 4, **more,
    }  # fmt: skip
    pairs = [(f"--{name}", str(value)) for name, value in given.items()]
    return [str(folder / "rankings.csv"), *(word for pair in pairs for word in pair)]


def test_json_table_and_page_have_the_figures(folder: Path, tmp_path: Path) -> None:
    page, table = tmp_path / "report.html", tmp_path / "prompts.parquet"
    done = rlchf("compare", *options(folder, out=page, table=table), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["rules"] == ["borda", "kemeny", "plurality", "perpetual_pav"]
    assert found["data"]["counts"]["ballots"] == 72
    assert {row["rule"] for row in found["stability"]["rules"]} == set(found["rules"])
    assert len(found["distances"]["flipped"]) == len(found["distances"]["tau_b"]) == 4
    assert {group["name"] for group in found["gains"]["rules"][0]["groups"]} == {"north", "south"}
    assert [row["prompt_id"] for row in found["prompts"] if row["cycle"]] == [
        "p1",
        "p3",
        "p5",
        "p7",
    ]
    assert found["texts"]["alike"][0] == {
        "prompt_id": "p0",
        "one": "a",
        "other": "b",
        "in_common": 1.0,
    }
    assert pyarrow.parquet.read_table(table).num_rows == 8
    text = page.read_text()
    command = f"rlchf compare {folder / 'rankings.csv'} --annotators {folder / 'people.csv'} --group region"
    assert f"<dt>Command</dt><dd>{command}" in text
    for sentence in found["findings"]:
        assert sentence.partition("'")[0][:60] in text
    assert "<script>alert(1)" not in text
    assert "&lt;b&gt;Question" in text
    for section in ("data", "rules", "stability", "gains", "texts"):
        assert f'id="{section}"' in text


def test_the_same_seed_gives_the_same_report(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    pages = []
    for _ in range(2):
        job = CompareJob(
            rankings=(str(folder / "rankings.csv"),), rules="borda,stv", bootstrap=20, splits=2,
            out=str(tmp_path / "page.html"),
        )  # fmt: skip
        compare_files(job)
        pages.append((tmp_path / "page.html").read_bytes())
    assert pages[0] == pages[1]


def test_the_terminal_shows_findings_and_a_row_for_each_rule(folder: Path) -> None:
    done = rlchf("compare", *options(folder))
    text = " ".join(done.stdout.split())
    assert "random order" in text  # who is served less than by one, or that nobody is
    assert "On 4 of 8 prompts (50 %) no response beats every other by majority" in text
    assert "You want the highest average agreement:" in text
    for rule in ("borda", "kemeny", "plurality", "perpetual_pav"):
        assert f" {rule} 0." in text
    assert re.search(r" perpetual_pav .* 0\.\d\d (north|south) 0\.", text)


def test_the_table_has_the_recommended_rules_and_no_empty_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rlchf.cli.tables.compare.LISTED", 2)
    rankings, groups = divided()
    names = ["borda", "kemeny", "copeland", "perpetual_pav"]
    comparison = compare(rankings, names, groups, bootstrap=0, splits=0)
    shown = list(tables(comparison, ["Nobody is flagged."]))
    assert "- Nobody is flagged." in shown
    table = next(one for one in shown if isinstance(one, Table))
    assert {"kemeny", "perpetual_pav"} == set(table.columns[0].cells)
    titles = [str(column.header).replace("\n", " ") for column in table.columns]
    assert titles == [
        "rule",
        "all pairs",
        "con- tested",
        "price",
        "lowest group",
        "distance to others",
    ]


def test_groups_of_joined_conversations_are_warned_of(tmp_path: Path) -> None:
    """Each conversation numbers its own groups; countries of people who share prompts are one division."""
    ballots, people = ["prompt_id,annotator_id,ranking"], ["annotator_id,opinion_group,country"]
    for c in range(3):
        for i in range(4):
            people.append(f"c{c}a{i},{i % 2}.0,{c % 2}")
            ballots += [f"c{c}p{p},c{c}a{i},{'a > b' if i % 2 else 'b > a'}" for p in range(2)]
    (tmp_path / "rankings.csv").write_text("\n".join(ballots) + "\n")
    (tmp_path / "people.csv").write_text("\n".join(people) + "\n")
    given = CompareJob(
        rankings=(str(tmp_path / "rankings.csv"),), annotators=str(tmp_path / "people.csv")
    )
    with pytest.warns(UserWarning, match="3 sets of prompts without common annotators"):
        read_people(given, ["opinion_group"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_people(given, ["country"])


def test_all_leaves_out_rules_that_need_approvals_or_scores_and_says_so(folder: Path) -> None:
    done = rlchf("compare", folder / "rankings.csv", "--bootstrap", 0, "--splits", 0, "--folds", 0)
    text = " ".join(done.stdout.split())
    assert "Left out, because no ballot states approvals: approval" in text
    assert "Left out, because no ballot states scores: leximin" in text
    assert "in sample" in text


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"rules": "borda,bordaa"}, "unknown rule 'bordaa'; did you mean borda?"),
        ({"rules": "borda"}, "there is one rule to compare, 'borda'; name two or more, or all"),
        ({"rules": "borda, borda"}, "rule 'borda' is named twice"),
        ({"group": "land"}, "land"),
        ({"folds": 1}, "folds is 1; give 2 or more"),
        ({"table": "x.docx"}, "x.docx"),
        ({"bootstrap": -1}, "bootstrap"),
        ({"prompts": "missing.jsonl"}, "missing.jsonl"),
    ],
)
def test_what_is_wrong_is_refused_in_one_sentence(
    folder: Path, tmp_path: Path, more: dict[str, Any], problem: str
) -> None:
    page = tmp_path / "page.html"
    assert problem in refused(rlchf("compare", *options(folder, out=page, **more)))
    assert not page.exists()


def test_texts_that_lie_beside_the_rankings_are_found(folder: Path) -> None:
    job = CompareJob(rankings=(str(folder),), rules="borda,stv", bootstrap=0, splits=0, folds=0)
    (folder / "people.csv").rename(folder / "annotators.csv")
    try:
        texts = compare_files(job).texts
    finally:
        (folder / "annotators.csv").rename(folder / "people.csv")
    assert texts.compared == 24
    assert texts.prompts[0].prompt.startswith("<b>Question</b>")


def test_the_table_is_a_csv_too(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "prompts.csv"
    assert rlchf("compare", *options(folder, table=table)).returncode == 0
    columns = pyarrow.csv.read_csv(table).column_names
    assert {"prompt_id", "smith", "disagreement", "first_stays_kemeny"} <= set(columns)


def test_what_the_weights_change_is_told(folder: Path, tmp_path: Path) -> None:
    """The three of nine who want c first weigh 27, the others 0 + 1 + ... + 5."""
    lines = ["annotator_id,weight"] + [f"a{i},{9 if i > 5 else i % 6}" for i in range(9)]
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n")
    page = tmp_path / "page.html"
    given = [
        folder / "rankings.csv",
        "--annotators",
        tmp_path / "people.csv",
        "--rules",
        "borda,kemeny",
    ]
    done = rlchf(
        "compare", *given, "--bootstrap", 0, "--splits", 0, "--folds", 2, "--out", page, "--json"
    )
    assert done.returncode == 0, done.stderr
    weights = json.loads(done.stdout)["weights"]
    assert (weights["figures"]["people"], weights["figures"]["without"]) == (8, 1)
    kemeny = {row["rule"]: row for row in weights["rules"]}["kemeny"]
    assert kemeny["first"] >= 4  # all even prompts
    assert kemeny["flipped"] >= 12
    assert 'id="weights"' in page.read_text()
