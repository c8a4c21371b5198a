"""`rlchf axioms --manipulation` and `--influence`: the figures of the functions, and what does not fit."""

import json
from pathlib import Path
from typing import Any

import pytest

import rlchf as package
from rlchf.axioms.manipulation import manipulations
from rlchf.simulate import culture, simulated
from tests.support.cli import refused, rlchf

COMMON = ("--axioms", "Pareto", "--search", 0, "--elections", 1)


@pytest.fixture(scope="module")
def poll(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("poll") / "poll"
    size = ("--prompts", 30, "--annotators", 6, "--responses", 3)
    done = rlchf("simulate", "--culture", "groups", "-o", "groups=2", *size, "--out", folder)
    assert done.returncode == 0
    return folder


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def test_the_command_has_the_figures_of_the_functions(poll: Path) -> None:
    done = rlchf(
        "axioms", poll, "--rules", "borda,cpb", *COMMON, "--manipulation", "--influence",
        "--group", "group", "--cultures", "urn", "--ballots", 5, "--responses", 3, "--tried", 20,
        "--elections", 20, "--json",
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert "left out: 1 rule across prompts, cpb" in done.stderr
    data = simulated("groups", prompts=30, annotators=6, responses=3, groups=2)
    drawn = culture("urn", prompts=20, annotators=5, responses=3)
    for found, rankings in zip(report["manipulated"], (data.rankings, drawn), strict=True):
        kinds = [one["kind"] for one in found["manipulation"]]
        assert kinds == ["voter", "any voter", "coalition", "clones"]
        expected = manipulations(rankings, ["borda"], kinds=kinds, prompts=20)
        assert found["manipulation"] == plain([one.to_dict() for one in expected])
    groups = dict(zip(data.annotators["annotator_id"], data.annotators["group"], strict=True))
    assert report["influence"] == [
        plain(package.influence(data.rankings, rule, groups=groups).to_dict())
        for rule in ("borda", "cpb")
    ]


def test_the_tables_name_rules_annotators_and_groups(poll: Path) -> None:
    shown = rlchf(
        "axioms",
        poll,
        "--rules",
        "borda",
        *COMMON,
        "--manipulation",
        "--influence",
        "--group",
        "group",
    ).stdout
    for text in ("damage to", "coalition", "without annotator", " a1 ", "without group", " g2 "):
        assert text in shown


REFUSED = {
    "nothing": (("--manipulation",), "--manipulation is measured on rankings or cultures"),
    "no file": (
        ("--influence", "--cultures", "urn"),
        "--influence is about the annotators of a file",
    ),
    "group": (
        ("--group", "age", "--cultures", "urn"),
        "--group is about groups that are left out in turn",
    ),
    "criterion": (("--criterion", "pair"), "'pair' is not one of 'pairs', 'first'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_do_nothing_are_refused(case: str) -> None:
    given, message = REFUSED[case]
    assert message in refused(rlchf("axioms", "--rules", "borda", *COMMON, *given))


def test_no_more_prompts_of_a_culture_are_tried_than_elections_are_drawn() -> None:
    done = rlchf(
        "axioms", "--rules", "borda", "--axioms", "Pareto", "--cultures", "urn", "--elections", 7,
        "--ballots", 5, "--responses", 3, "--manipulation", "--json",
    )  # fmt: skip
    (found,) = json.loads(done.stdout)["manipulated"]
    assert {one["prompts"] for one in found["manipulation"]} == {7}


def test_it_is_said_that_rules_across_prompts_have_no_manipulation(poll: Path) -> None:
    done = rlchf("axioms", poll, "--rules", "cpb", *COMMON, "--manipulation")
    assert "so it is not measured for cpb, which looks across prompts" in " ".join(
        done.stderr.split()
    )
    assert "manipulation" not in done.stdout
