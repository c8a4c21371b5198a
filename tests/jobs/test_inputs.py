"""What every command that reads rankings says of its files: rows left out, candidates, annotators."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlchf.jobs.inputs import read_inputs, read_people
from rlchf.jobs.reward import training_data
from rlchf.jobs.runfile import read
from rlchf.jobs.settings import AggregateJob, GroupedRankings, RewardJob
from rlchf.train.reward.config import RewardConfig
from tests.support.cli import refused, rlchf
from tests.support.files import Write

VOTES = "prompt_id,annotator_id,ranking\np,a1,x > y\np,a2,\np,a3,y > x\np,a3,x > y\nq,a1,x\n"
SKIP = "--skip", "bad", "--repeats", "last"
LISTED = [
    "file,row,prompt_id,annotator_id,response_id,reason",
    "{},row 3,p,a2,,blank ballot",
    "{},row 6,q,a1,,prompt with one response only",
    "{},row 4,p,a3,,repeated ballot",
]


def ranking(text: str) -> list[list[str]]:
    """The collective ranking of the first line."""
    levels: list[list[str]] = json.loads(text.splitlines()[0])["ranking"]
    return levels


def test_what_is_left_out_is_listed_beside_the_result(write: Write, tmp_path: Path) -> None:
    votes, out = write("votes.csv", VOTES), tmp_path / "out.jsonl"
    done = rlchf("aggregate", votes, "--rule", "plurality", *SKIP, "--out", out)
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        f"rlchf: warning: {votes}: left out 1 blank ballot (row 3), 1 prompt with one response only ('q'), 1 "
        "repeated ballot (row 4); 1 annotator has no ballot left",
        f"rlchf: warning: {out}.skipped.csv lists 3 rows of the input that do not count",
    ]
    listed = (tmp_path / "out.jsonl.skipped.csv").read_text().splitlines()
    assert listed == [line.format(votes) for line in LISTED]
    assert ranking(out.read_text()) == [["x"], ["y"]]


def test_with_standard_output_the_list_is_in_the_current_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = rlchf("aggregate", "-", *SKIP, stdin=VOTES)
    assert ranking(done.stdout) == [["x"], ["y"]]
    assert "skipped.csv lists 3 rows" in done.stderr
    listed = (tmp_path / "skipped.csv").read_text().splitlines()
    assert listed == [line.format("standard input") for line in LISTED]


def test_an_earlier_list_does_not_stay_beside_a_clean_run(write: Write, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    rlchf("aggregate", write("votes.csv", VOTES), *SKIP, "--out", out)
    clean = write("clean.csv", "prompt_id,annotator_id,ranking\np,a1,x > y\n")
    assert rlchf("aggregate", clean, *SKIP, "--out", out).stderr == ""
    assert (tmp_path / "out.csv.skipped.csv").read_text().count("\n") == 1
    fresh = tmp_path / "fresh.csv"
    rlchf("aggregate", clean, *SKIP, "--out", fresh)
    assert not (tmp_path / "fresh.csv.skipped.csv").exists()


def test_nothing_is_left_out_unless_it_is_said(write: Write) -> None:
    votes = write("votes.csv", VOTES)
    assert "1 repeated ballot (row 5)" in refused(rlchf("aggregate", votes))
    message = refused(rlchf("aggregate", votes, "--repeats", "all"))
    assert "1 blank ballot (row 3), 1 prompt with one response only ('q'); mend them" in message


def test_the_audit_lists_what_it_leaves_out(write: Write, tmp_path: Path) -> None:
    votes, out, report = write("votes.csv", VOTES), tmp_path / "o.jsonl", tmp_path / "r.json"
    rlchf("aggregate", votes, *SKIP, "--out", out)
    done = rlchf("audit", votes, out, *SKIP, "--out", report)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r.json.skipped.csv").read_text().count("\n") == 4
    assert "a2" not in report.read_text()


def test_candidates_come_from_a_file_of_responses(write: Write, tmp_path: Path) -> None:
    votes = write("votes.csv", "prompt_id,annotator_id,ranking\np,1,a > b\np,2,a > c\np,3,c\n")
    offer = write("responses.jsonl", "".join(
        f'{{"prompt_id": "p", "response_id": "{r}", "text": "{r}"}}\n' for r in "abcd"
    ))  # fmt: skip
    options = "--rule", "schulze", "--unranked", "last", "--candidates"
    done = rlchf("aggregate", votes, *options, offer)
    assert ranking(done.stdout) == [["a"], ["c"], ["b"], ["d"]]
    few = write("few.csv", "prompt_id,response_id\np,a\np,b\n")
    message = refused(rlchf("aggregate", votes, *options, few))
    assert "not among the candidates 2 times (row 3: 'c' of prompt 'p'; row 4: 'c'" in message
    assert "there is no such file" in refused(
        rlchf("aggregate", votes, *options, tmp_path / "no.csv")
    )


PEOPLE = "annotator_id,weight,region\n1,5,north\n002,1,south\n003,1,\n"
THREE = "prompt_id,annotator_id,ranking\np,001,x > y\np,002,y > x\np,003,y > x\n"


def test_annotators_without_a_row_bring_a_warning(write: Write) -> None:
    votes, people = write("votes.csv", THREE), write("people.csv", PEOPLE)
    done = rlchf("aggregate", votes, "--rule", "plurality", "--annotators", people)
    assert done.stderr == (
        f"rlchf: warning: 1 of 3 annotators, such as '001', has no row in {people} and weighs 1; 1 of its "
        "rows, such as '1', names nobody who voted; '1' may be '001': a spreadsheet drops zeros in front\n"
    )


def test_groups_are_missing_for_two_reasons(write: Write) -> None:
    votes, people = str(write("votes.csv", THREE)), str(write("people.csv", PEOPLE))
    job = GroupedRankings(rankings=(votes,), annotators=people)
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        groups = read_people(job, ["region"]).groups
    assert groups == {"region": {"1": "north", "002": "south"}}
    first, second = (str(one.message) for one in caught)
    assert first.startswith("1 of 3 annotators, such as '001', has no row in ")
    assert " and weighs 1 and has no region; 1 of its rows" in first
    assert second.startswith("1 of 3 annotators, such as '003', has no region in ")


def test_a_file_of_other_ids_is_refused_with_a_hint(write: Write) -> None:
    votes = write("votes.csv", THREE)
    people = write("people.csv", PEOPLE.replace("002", "2.0").replace("003", "3"))
    message = refused(rlchf("aggregate", votes, "--annotators", people))
    assert "names none of the annotators" in message
    assert "'1' may be '001': a spreadsheet drops zeros in front" in message


def test_a_run_file_takes_the_same_settings(write: Write, tmp_path: Path) -> None:
    path = write("run.toml", (
        '[data]\nrankings = "v.csv"\nprompts = "p.jsonl"\nresponses = "r.jsonl"\ncandidates = "r.jsonl"\n'
        'skip = "bad"\nrepeats = "last"\n[model]\nname = "tiny"\n'
    ))  # fmt: skip
    run = read(path)
    assert run.data.candidates == str(tmp_path / "r.jsonl")
    assert (run.data.skip, run.data.repeats) == ("bad", "last")
    assert run.to_dict()["data"]["skip"] == "bad"
    with pytest.raises(ValueError, match="skip is 'worst'; choose from none, bad"):
        AggregateJob(rankings="v.csv", skip="worst")  # type: ignore[arg-type]


DATA = Path(__file__).parents[3] / "shared" / "cases" / "data"
RIGHT = {
    "k10_one_response.csv": (["--skip", "bad"], [["x"], ["y"]]),
    "k10_blank_ballot.csv": (["--skip", "bad"], [["x", "y"]]),
    "k10_empty_rank.csv": (["--skip", "bad"], [["z"], ["x"], ["y"]]),
    "k14_same_annotator.csv": (["--repeats", "last"], [["y"], ["x"]]),
}


@pytest.mark.skipif(not DATA.is_dir(), reason="the data are not there")
@pytest.mark.parametrize("name", RIGHT)
def test_known_files_are_refused_or_read_as_said(name: str, tmp_path: Path) -> None:
    options, right = RIGHT[name]
    refused(rlchf("aggregate", DATA / name))
    done = rlchf("aggregate", DATA / name, *options, "--out", tmp_path / "out.jsonl")
    assert done.returncode == 0
    assert ranking((tmp_path / "out.jsonl").read_text()) == right


@pytest.mark.parametrize(
    ("options", "fate"),
    [
        ({}, "they are not learned from"),
        ({"loss": "plackett_luce"}, "learns whole rankings, and these pairs with them"),
    ],
)
def test_pairs_that_no_ballot_compares_are_counted_before_a_training(
    options: dict[str, Any], fate: str, tmp_path: Path
) -> None:
    rows = "p,ann,a,1\np,ann,b,2\np,bob,c,1\np,bob,d,2\n"
    rankings = tmp_path / "rankings.csv"
    rankings.write_text("prompt_id,annotator_id,response_id,rank\n" + rows)
    prompts, responses = tmp_path / "prompts.jsonl", tmp_path / "responses.jsonl"
    prompts.write_text('{"prompt_id": "p", "prompt": "Say."}\n')
    line = '{{"prompt_id": "p", "response_id": "{0}", "text": "Text {0}."}}\n'
    responses.write_text("".join(line.format(name) for name in "abcd"))
    job = RewardJob(
        rankings=(str(rankings),), prompts=str(prompts), responses=str(responses), model="tiny"
    )
    config = RewardConfig(held_out=0.0, **options)
    with pytest.warns(UserWarning, match=f"4 of 6 pairs .* compared by no ballot; .*{fate}"):
        data = training_data(job, config, read_inputs(job))
    assert np.isnan(data.train[0].pair_targets()).sum() == 4 + 2 * 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training_data(job, RewardConfig(held_out=0.0, learn_from="shares"), read_inputs(job))
