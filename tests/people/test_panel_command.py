"""`rlchf panel`: the annotators file that it writes, and what other commands make of it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import rlchf
from rlchf.io import read_annotators, read_rankings
from tests.support.cli import refused
from tests.support.cli import rlchf as run_rlchf

QUOTAS = '[sex]\nf = [2, 4]\nm = [2, 4]\n\n["age group"]\n"18-29" = [1, 3]\n"30+" = 4\n'


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Fourteen people with ballots on five prompts; one weighs nothing."""
    rng = np.random.default_rng(0)
    people = ["annotator_id,sex,age group,weight,home"]
    ballots = ["prompt_id,annotator_id,ranking"]
    for i in range(14):
        weight, home = 0 if i == 3 else 2, f"h{i // 2}" if i < 4 else ""
        people.append(f"p{i:02},{'fm'[i % 3 == 0]},{'18-29' if i % 4 else '30+'},{weight},{home}")
        people[-1] = people[-1] if i < 10 else people[-1].replace("18-29", "30+")
        ballots += [f"q{q},p{i:02},{' > '.join(rng.permutation(list('abc')))}" for q in range(5)]
    paths = {
        name: tmp_path / name for name in ("people.csv", "ballots.csv", "quotas.toml", "panel.csv")
    }
    paths["people.csv"].write_text("\n".join(people))
    paths["ballots.csv"].write_text("\n".join(ballots))
    paths["quotas.toml"].write_text(QUOTAS)
    return paths


def draw(files: dict[str, Path], *more: object) -> list[dict[str, str]]:
    done = run_rlchf(
        "panel", files["people.csv"], "--quotas", files["quotas.toml"], "--size", 6,
        "--out", files["panel.csv"], *more,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with files["panel.csv"].open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_output_keeps_quotas_and_has_probabilities_of_all(files: dict[str, Path]) -> None:
    rows = draw(files)
    drawn = [row for row in rows if row["selected"] == "1"]
    assert len(rows) == 14
    assert len(drawn) == 6
    assert 2 <= sum(row["sex"] == "f" for row in drawn) <= 4
    assert sum(row["age group"] == "30+" for row in drawn) == 4
    assert sum(float(row["inclusion_probability"]) for row in rows) == pytest.approx(6)
    assert float(rows[3]["inclusion_probability"]) == 0  # who weighs nothing is not in the pool
    assert [float(row["weight"]) for row in rows] == [2 * int(row["selected"]) for row in rows]
    assert {row["base_weight"] for row in rows} == {"2.0", "0.0"}
    assert draw(files) == rows
    assert [row["selected"] for row in draw(files, "--seed", 1)] != [
        row["selected"] for row in rows
    ]


def test_weights_are_hard_soft_or_inverse(files: dict[str, Path]) -> None:
    for kind in ("soft", "inverse"):
        for row in draw(files, "--weights", kind):
            p, drawn = float(row["inclusion_probability"]), int(row["selected"])
            expected = 2 * (p if kind == "soft" else drawn / p if drawn else 0)
            assert float(row["weight"]) == pytest.approx(expected)


def test_the_lottery_that_is_written_has_the_probabilities_of_all(files: dict[str, Path]) -> None:
    table = files["panel.csv"].with_name("lottery.csv")
    rows = draw(files, "--distribution", table, "--panels", 3, "--same-household", "home")
    assert {"selected", "selected_2", "selected_3"} <= set(rows[0])
    with table.open(encoding="utf-8") as file:
        lottery = list(csv.DictReader(file))
    chances = {row["panel"]: float(row["probability"]) for row in lottery}
    assert sum(chances.values()) == pytest.approx(1)
    women = sum(float(r["probability"]) * int(r["seats"]) for r in lottery if r["sex"] == "f")
    of_people = sum(float(row["inclusion_probability"]) for row in rows if row["sex"] == "f")
    assert women == pytest.approx(of_people)
    for panel in chances:
        assert sum(int(row["seats"]) for row in lottery if row["panel"] == panel) == 6


def test_a_panel_decides_and_is_audited_as_its_ballots_alone(files: dict[str, Path]) -> None:
    """The weight 0 is absence: aggregate and audit give what they give for the panel's ballots."""
    rows, folder = draw(files), files["panel.csv"].parent
    panel = {row["annotator_id"] for row in rows if row["selected"] == "1"}
    lines = files["ballots.csv"].read_text().splitlines()
    alone = folder / "alone.csv"
    alone.write_text("\n".join([lines[0], *(x for x in lines[1:] if x.split(",")[1] in panel)]))
    outputs = {}
    for name, ballots in (("by panel", files["ballots.csv"]), ("alone", alone)):
        result, report = folder / f"{name}.jsonl", folder / f"{name}.json"
        people = ["--annotators", files["panel.csv"]]
        assert (
            run_rlchf("aggregate", ballots, *people, "--rule", "borda", "--out", result).returncode
            == 0
        )
        audit = ["audit", ballots, result, *people, "--group", "sex", "--folds", 0, "--out", report]
        assert run_rlchf(*audit).returncode == 0
        figures = json.loads(report.read_text())
        outputs[name] = result.read_text(), {k: v for k, v in figures.items() if k != "weights"}
    assert outputs["by panel"] == outputs["alone"]
    # In parts, too.
    parts = folder / "parts.jsonl"
    done = run_rlchf(
        "aggregate", files["ballots.csv"], "--annotators", files["panel.csv"], "--rule", "borda",
        "--memory", "1GB", "--out", parts,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert parts.read_text() == outputs["alone"][0]


def test_a_jury_seats_the_panel_only(files: dict[str, Path]) -> None:
    rows = draw(files)
    panel = {row["annotator_id"] for row in rows if row["selected"] == "1"}
    people = read_annotators(files["panel.csv"])
    assert set(rlchf.jury.draw_panel(people)) == panel
    assert set(rlchf.jury.draw_panel(people, 6)) == panel


def test_systematic_sampling_says_which_quotas_are_missed(files: dict[str, Path]) -> None:
    missed = 0
    for seed in range(6):
        done = run_rlchf(
            "panel", files["people.csv"], "--quotas", files["quotas.toml"], "--size", 6,
            "--out", files["panel.csv"], "--method", "systematic", "--seed", seed, "--json",
        )  # fmt: skip
        figures = json.loads(done.stdout)
        missed += not all(one["kept"] for one in figures["quotas"])
        assert sum(one["drawn"] for one in figures["quotas"] if one["column"] == "sex") == 6
    done = run_rlchf(
        "panel", files["people.csv"], "--quotas", files["quotas.toml"], "--size", 6,
        "--out", files["panel.csv"], "--method", "systematic", "--same-household", "home",
    )  # fmt: skip
    assert "--same-household needs a lottery over panels" in refused(done)


def test_nothing_is_written_where_no_panel_keeps_the_quotas(files: dict[str, Path]) -> None:
    files["quotas.toml"].write_text("[sex]\nf = [2, 2]\nm = 5\n")
    command = ["panel", files["people.csv"], "--quotas", files["quotas.toml"]]
    command += ["--out", files["panel.csv"]]
    problem = refused(run_rlchf(*command, "--size", 6))
    assert "the smallest change that works: lower the minimum of sex 'm' from 5 to 4" in problem
    files["quotas.toml"].write_text("[sex\n")
    assert "is not a TOML file" in refused(run_rlchf(*command, "--size", 6))
    files["quotas.toml"].write_text("[age]\n55+ = [1, 2]\n")
    assert 'in quotes: "55+" = 1' in refused(run_rlchf(*command, "--size", 6))
    assert not files["panel.csv"].exists()


def test_weights_of_a_panel_rake_those_who_were_drawn(files: dict[str, Path]) -> None:
    draw(files)
    population = files["panel.csv"].with_name("population.csv")
    population.write_text("column,category,share\nsex,f,0.5\nsex,m,0.5\n")
    out = files["panel.csv"].with_name("weighted.csv")
    done = run_rlchf("weigh", files["panel.csv"], "--to", population, "--out", out)
    assert done.returncode == 0
    weights = read_annotators(out).weights
    assert weights is not None
    assert sum(w > 0 for w in weights.values()) == 6
    assert read_rankings(files["ballots.csv"]).weighted(weights).n_ballots == 70
