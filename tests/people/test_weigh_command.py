"""`rlchf weigh`: the file that it writes, and what it says."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.support.cli import refused
from tests.support.cli import rlchf as run_rlchf

PEOPLE = """\
annotator_id,weight,sex,age,note
001,2,f,18-29,"tea, black"
002,1,f,30+,
003,1,m,18-29,né
004,,m,30+,
"""
POPULATION = "column,category,share\nsex,f,51\nsex,m,49\nage,18-29,0.2\nage,30+,0.8\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    people, population = tmp_path / "people.csv", tmp_path / "population.csv"
    people.write_text(PEOPLE, encoding="utf-8")
    population.write_text(POPULATION, encoding="utf-8")
    return people, population


def test_the_output_has_new_weights_and_all_else_as_it_was(files: tuple[Path, Path]) -> None:
    people, population = files
    out = people.with_name("weighted.csv")
    done = run_rlchf("weigh", people, "--to", population, "--out", out)
    assert done.returncode == 0
    assert "Design effect" in done.stdout
    before, after = pd.read_csv(people, dtype=str), pd.read_csv(out, dtype=str)
    assert list(after) == [*before, "base_weight"]
    same = ["annotator_id", "sex", "age", "note"]
    pd.testing.assert_frame_equal(after[same], before[same])
    assert after["base_weight"].astype(float).tolist() == [2, 1, 1, 1]
    weights = after["weight"].astype(float)
    assert weights[after["sex"] == "f"].sum() / weights.sum() == pytest.approx(0.51)
    assert weights[after["age"] == "30+"].sum() / weights.sum() == pytest.approx(0.8)
    # Weighed again, it says where the base comes from, and the weights stay.
    again = people.with_name("again.jsonl")
    done = run_rlchf("weigh", out, "--to", population, "--out", again)
    assert "it was weighed or drawn before, and its weight is the base" in done.stderr
    rows = [json.loads(line) for line in again.read_text(encoding="utf-8").splitlines()]
    assert [row["weight"] for row in rows] == pytest.approx(weights.tolist())


def test_json_has_every_figure_of_the_table(files: tuple[Path, Path]) -> None:
    people, population = files
    out = people.with_name("w.parquet")
    done = run_rlchf("weigh", people, "--to", population, "--out", out, "--json", "--column", "sex")
    figures = json.loads(done.stdout)
    assert [c["category"] for c in figures["categories"]] == ["f", "m"]
    assert figures["categories"][0]["before"] == pytest.approx(0.6)
    assert figures["categories"][0]["after"] == pytest.approx(0.51)
    assert figures["design_effect"] * figures["effective_sample_size"] == pytest.approx(4)
    assert pd.read_parquet(out)["weight"].tolist() == list(figures["weights"].values())


def test_nothing_is_written_when_no_weights_have_the_margins(files: tuple[Path, Path]) -> None:
    people, population = files
    out = people.with_name("weighted.csv")
    problem = refused(run_rlchf("weigh", people, "--to", population, "--out", out, "--trim", 1.2))
    assert "the smallest bound that works is 1.6; give a trim above it" in problem
    population.write_text("age,share\n18-29,1\n")
    problem = refused(run_rlchf("weigh", people, "--to", population, "--out", out))
    assert f"{population}: there is no column 'column'; found age, share; give a row for" in problem
    problem = refused(run_rlchf("weigh", people, "--to", population, "--out", people))
    assert "is an input; choose another file" in problem
    assert not out.exists()
