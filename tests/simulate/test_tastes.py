"""Annotators with stated tastes rank texts that exist."""

import json
from pathlib import Path

import numpy as np
import pytest

from rlchf.io import read_prompts, read_responses
from rlchf.simulate import Taste, make_annotators, simulate_rankings, tastes
from tests.support.cli import refused, rlchf

EMOJI = Path(__file__).parents[2] / "examples" / "emoji"
GROUPS = {"against": Taste(emoji=-2), "for": Taste(emoji=2, politeness=0.5, wordiness=0.1)}


def test_without_noise_the_ballots_are_those_of_the_scores() -> None:
    prompts, responses = (
        read_prompts(EMOJI / "prompts.jsonl"),
        read_responses(EMOJI / "responses.jsonl"),
    )
    some = dict(list(responses.items())[:20])
    drawn = tastes(prompts, some, GROUPS, annotators=5, sizes=(3, 2))
    people = make_annotators({"against": (3, GROUPS["against"]), "for": (2, GROUPS["for"])})
    rows = simulate_rankings({p: prompts[p] for p in some}, some, people)
    number = {one.annotator_id: f"a{n}" for n, one in enumerate(people, start=1)}
    expected = {(r.prompt_id, number[r.annotator_id], r.response_id, r.rank) for r in rows}
    table = drawn.rankings.columns()
    names = ("prompt_id", "annotator_id", "response_id", "rank")
    assert set(zip(*(table[name] for name in names), strict=True)) == expected
    assert drawn.annotators["group"] == ["against"] * 3 + ["for"] * 2


def test_prompts_differ_in_size_and_ballots_leave_out_responses() -> None:
    texts = {
        "p": {f"r{i}": "x " * i for i in range(1, 6)},
        "q": {"a": "x", "b": "y"},
        "one": {"a": "x"},
    }
    drawn = tastes(
        dict.fromkeys(texts, "?"), texts, {"all": {"noise": 1}}, annotators=4, per_ballot=3
    )
    rankings = drawn.rankings
    assert rankings.prompt_ids == ["p", "q"]
    assert np.diff(rankings.entry_starts).tolist() == [3] * 4 + [2] * 4
    assert rankings.responses("p") == [f"r{i}" for i in range(1, 6)]


def test_clickers_rank_at_random() -> None:
    texts = {f"p{i}": {"a": "🍚", "b": "rice"} for i in range(600)}
    drawn = tastes(
        dict.fromkeys(texts, "?"), texts, {"for": {"emoji": 1}}, annotators=3, clickers=1
    )
    (clicker,) = [a for a, kind in enumerate(drawn.annotators["clicker"]) if kind == "yes"]
    first = drawn.rankings.entry_responses[drawn.rankings.entry_starts[:-1]] == 0
    by_annotator = [first[drawn.rankings.ballot_annotators == a].mean() for a in range(3)]
    assert by_annotator[clicker] == pytest.approx(0.5, abs=0.08)
    assert sorted(by_annotator)[1:] == [1.0, 1.0]


def test_the_command_keeps_the_texts(tmp_path: Path) -> None:
    option = "groups=" + json.dumps({"against": {"emoji": -2}, "for": {"emoji": 2}})
    files = [
        "--prompts-from",
        EMOJI / "prompts.jsonl",
        "--responses-from",
        EMOJI / "responses.jsonl",
    ]
    command = ["simulate", "--culture", "tastes", "--annotators", 2, *files]
    out = tmp_path / "out"
    assert rlchf(*command, "-o", option, "--out", out).returncode == 0
    for name in ("prompts.jsonl", "responses.jsonl"):
        assert [json.loads(line) for line in (out / name).read_text().splitlines()] == [
            json.loads(line) for line in (EMOJI / name).read_text().splitlines()
        ]
    other = tmp_path / "x.csv"
    cases = {
        'groups={"g": {"emojis": 1}}': "group g: there is no setting 'emojis'; did you mean emoji?",
        'groups={"g": 1}': "group g: the taste is 1; write it as",
        'groups={"g": {"noise": -1}}': "group g: give finite numbers, and noise of 0 or more",
        "groups={}": "there is no group; give 1 or more",
        "clickers=1": "needs the taste of each group, such as -o 'groups=",
        "click=1": "culture 'tastes' has no option 'click'; did you mean clickers?",
    }
    for given, message in cases.items():
        assert message in refused(rlchf(*command, "-o", given, "--out", other))
    wrong: dict[str, list[object]] = {
        "leave out all three": ["--culture", "urn", *files],
        "leave out --prompts": ["--culture", "tastes", *files, "--prompts", 3],
        "is an input": ["--culture", "tastes", *files, "-o", option],
    }
    for message, arguments in wrong.items():
        target = EMOJI / "responses.jsonl" if message == "is an input" else other
        assert message in refused(rlchf("simulate", *arguments, "--out", target))
    assert not other.exists()
