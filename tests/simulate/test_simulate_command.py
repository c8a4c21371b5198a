"""`rlchf simulate`: what it writes is read by the other commands, and bad input leaves nothing."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from rlchf.io import read_annotators, read_prompts, read_rankings, read_responses
from rlchf.simulate import culture_names, simulated
from rlchf.simulate.texts import WORDS
from tests.support.cli import refused, rlchf

SIZE = ("--prompts", 6, "--annotators", 5, "--responses", 3)


@pytest.mark.parametrize("ending", ["csv", "tsv.gz", "jsonl", "parquet"])
def test_the_rankings_are_read_again_as_they_were_drawn(tmp_path: Path, ending: str) -> None:
    options = ("-o", "phi=0.6", "--per-prompt", 3, "--per-ballot", 2, "--tie-probability", 0.3)
    path = tmp_path / f"rankings.{ending}"
    done = rlchf("simulate", "--culture", "mallows", *options, *SIZE, "--seed", 4, "--out", path)
    assert done.returncode == 0, done.stderr
    assert "6 prompts, 5 annotators, 18 responses, 18 ballots" in done.stderr
    drawn = simulated(
        "mallows", prompts=6, annotators=5, responses=3,
        per_prompt=3, per_ballot=2, tie_probability=0.3, seed=4, phi=0.6,
    ).rankings  # fmt: skip
    again = read_rankings(path).columns()
    assert all((np.asarray(again[name]) == one).all() for name, one in drawn.columns().items())


def test_a_folder_holds_a_dataset_whose_texts_say_what_is_planted(tmp_path: Path) -> None:
    folder = tmp_path / "poll"
    names = 'names=["north","south"]'
    done = rlchf(
        "simulate", "--culture", "groups", "-o", names, "-o", "clickers=1", *SIZE,
        "--out", folder, "--annotators-out", tmp_path / "people.csv", "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["features"] == ["group", "clicker"]
    people = read_annotators(folder / "annotators.csv")
    assert people.features["group"] == ["north"] * 3 + ["south"] * 2
    assert people.features == read_annotators(tmp_path / "people.csv").features
    rankings, texts = (
        read_rankings(folder / "rankings.csv"),
        read_responses(folder / "responses.jsonl"),
    )
    assert set(read_prompts(folder / "prompts.jsonl")) == set(rankings.prompt_ids)
    assert {p: list(of) for p, of in texts.items()} == {
        p: rankings.responses(p) for p in rankings.prompt_ids
    }
    lines = (folder / "responses.jsonl").read_text().splitlines()
    for record in map(json.loads, lines):
        words = [WORDS[int(2 * record["quality"][group])] for group in ("north", "south")]
        assert record["text"].endswith(f"For north it is {words[0]}. For south it is {words[1]}.")
    assert (
        rlchf("aggregate", folder, "--rule", "borda", "--out", tmp_path / "b.jsonl").returncode == 0
    )


REFUSED = {
    "culture": (("--culture", "urne"), "unknown culture 'urne'; did you mean urn?"),
    "option": (("-o", "alfa=1"), "culture 'urn' has no option 'alfa'; did you mean alpha?"),
    "ending": (("--out", "rankings.doc"), "unknown suffix '.doc'; choose from .csv"),
    "folder": (("--out", "none/rankings.csv"), "there is no folder"),
    "people": (("--annotators-out", "people"), "people: no suffix; choose from .csv"),
    "number": (("--per-prompt", 11), "per_prompt is 11; give a number from 1 to 10"),
    "twice": (("--annotators-out", "out.csv"), "are the same file; give two"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given, message = REFUSED[case]
    common = [] if "--culture" in given else ["--culture", "urn"]
    common += [] if "--out" in given else ["--out", "out.csv"]
    assert message in refused(rlchf("simulate", *common, *given))
    assert list(tmp_path.iterdir()) == []


def test_the_help_names_every_culture() -> None:
    words = set(re.findall(r"\w+", rlchf("simulate", "--help").stdout))
    assert set(culture_names()) <= words
