"""Rankings and texts as annotated pairs, and back."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlchf.io import read_annotators, read_prompts, read_rankings, read_responses
from rlchf.io.annotated_pairs import annotated_pairs
from rlchf.io.constitutions import read_constitution
from rlchf.io.sources import read_source
from rlchf.rankings import Rankings
from tests.support.cli import refused, rlchf

SOURCE = Path(__file__).parents[1] / "data/sources/icai.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of ours: two principles and a person judge two prompts."""
    files: dict[str, list[dict[str, Any]]] = {
        "rankings.jsonl": [
            {"prompt_id": "p", "annotator_id": "kind", "chosen": "r1", "rejected": "r2"},
            {"prompt_id": "p", "annotator_id": "brief", "chosen": "r2", "rejected": "r1"},
            {
                "prompt_id": "q",
                "annotator_id": "kind",
                "chosen": "r1",
                "rejected": "r2",
                "tie": True,
            },
            {"prompt_id": "q", "annotator_id": "ann", "chosen": "r1", "rejected": "r2"},
        ],
        "prompts.jsonl": [
            {"prompt_id": "p", "prompt": "Tea?"},
            {"prompt_id": "q", "prompt": [{"role": "user", "content": "Coffee?"}]},
        ],
        "responses.jsonl": [
            {"prompt_id": "p", "response_id": "r1", "text": "Green, please.", "model": "m"},
            {"prompt_id": "p", "response_id": "r2", "text": "No."},
            {"prompt_id": "q", "response_id": "r1", "text": "Yes."},
            {"prompt_id": "q", "response_id": "r2", "text": "Never."},
        ],
    }
    for name, rows in files.items():
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "my.toml").write_text(
        '[[principles]]\nname = "kind"\nquestion = "Which response is kinder?"\n'
        '[[principles]]\nname = "brief"\nquestion = "Which response is shorter?"\n'
        '[[principles]]\nname = "unused"\nquestion = "Which response is wiser?"\n'
    )
    return tmp_path


def command(folder: Path, *more: object) -> Any:
    texts = ("--prompts", folder / "prompts.jsonl", "--responses", folder / "responses.jsonl")
    out = ("--to", "annotated_pairs", "--out", folder / "pairs.json")
    return rlchf("convert", folder / "rankings.jsonl", *out, *texts, *more)


def test_a_pair_is_one_comparison_with_the_preferences_of_all(folder: Path) -> None:
    done = command(folder, "--constitution", folder / "my.toml")
    assert done.returncode == 0, done.stderr
    value = json.loads((folder / "pairs.json").read_text())
    assert value["metadata"]["version"] == "2.0"
    assert value["annotators"] == {  # only those who annotate, as Feedback Forensics needs it
        "kind": {"description": "Which response is kinder?", "type": "principle"},
        "brief": {"description": "Which response is shorter?", "type": "principle"},
        "ann": {"type": "unknown"},
    }
    first, second = value["comparisons"]
    assert first["id"] != second["id"]
    assert (first["prompt"], second["prompt"]) == ("Tea?", "Coffee?")
    assert first["response_a"] == {"text": "Green, please.", "model": "m"}
    assert first["response_b"] == {"text": "No."}
    assert first["annotations"] == {"kind": {"pref": "a"}, "brief": {"pref": "b"}}
    assert second["annotations"] == {"kind": {"pref": "tie"}, "ann": {"pref": "a"}}
    assert second["metadata"] == {"prompt_id": "q", "response_id_a": "r1", "response_id_b": "r2"}


def test_the_collective_ranking_is_the_default_annotator(folder: Path) -> None:
    assert "give --aggregated" in command(folder).stderr
    aggregated = folder / "aggregated.jsonl"
    done = rlchf("aggregate", folder / "rankings.jsonl", "--rule", "borda", "--out", aggregated)
    assert done.returncode == 0, done.stderr
    done = command(folder, "--aggregated", aggregated)
    assert done.returncode == 0, done.stderr
    assert "give --aggregated" not in done.stderr
    value = json.loads((folder / "pairs.json").read_text())
    default = value["metadata"]["default_annotator"]
    assert value["annotators"][default]["name"] == "collective ranking (borda)"
    prefs = [one["annotations"][default]["pref"] for one in value["comparisons"]]
    assert prefs == ["tie", "a"]  # one against one; one against none
    aggregated.write_text(aggregated.read_text().splitlines(keepends=True)[0])
    assert "'q'" in refused(command(folder, "--aggregated", aggregated))


def test_the_principles_of_what_is_written_are_read_as_a_constitution(folder: Path) -> None:
    command(folder, "--constitution", folder / "my.toml")
    read, ours = read_constitution(folder / "pairs.json"), read_constitution(folder / "my.toml")
    assert list(read) == list(ours)[:2]


def test_files_of_ours_survive_a_round_trip(tmp_path: Path) -> None:
    first, again, pairs = tmp_path / "first", tmp_path / "again", tmp_path / "pairs.json"
    assert rlchf("convert", SOURCE, "--out", f"{first}/").returncode == 0
    options: list[object] = [
        x for n in ("prompts", "responses") for x in (f"--{n}", first / f"{n}.jsonl")
    ]
    options += ["--annotators", first / "annotators.csv"]
    done = rlchf("convert", first / "rankings.csv", "--out", pairs, *options)
    assert done.returncode == 0, done.stderr
    assert "not converted" not in done.stderr
    assert rlchf("convert", pairs, "--out", f"{again}/").returncode == 0
    assert read_prompts(first / "prompts.jsonl") == read_prompts(again / "prompts.jsonl")
    assert read_responses(first / "responses.jsonl") == read_responses(again / "responses.jsonl")
    people = [read_annotators(one / "annotators.csv") for one in (first, again)]
    assert people[0].features == people[1].features
    assert sorted(ballots(first)) == sorted(ballots(again))


def ballots(folder: Path) -> list[str]:
    frame = read_rankings(folder / "rankings.csv").to_frame()
    columns = ["prompt_id", "annotator_id", "ballot_id", "response_id", "rank"]
    groups = frame[columns].groupby(columns[:3], sort=False)
    return [
        f"{key[0]} {key[1]} {sorted(zip(group.response_id, group['rank'], strict=True))}"
        for key, group in groups
    ]


def test_a_source_becomes_pairs_without_further_files(tmp_path: Path) -> None:
    done = rlchf("convert", SOURCE, "--out", tmp_path / "pairs.json")
    assert done.returncode == 0, done.stderr
    value = json.loads((tmp_path / "pairs.json").read_text())
    assert value["annotators"]["p1"]["type"] == "principle"
    assert len(value["comparisons"]) > 4


RANKED = st.permutations(["a", "b", "c"]).map(" > ".join) | st.sampled_from(
    ["a = b > c", "a > b = c", "b > a", "a = c", "c > a = b", "a = b = c"]
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("pq"), RANKED), min_size=1, max_size=6))
def test_every_preference_of_a_ballot_is_one_annotation(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, str]]
) -> None:
    given = [(prompt, f"ann{n}", ranking) for n, (prompt, ranking) in enumerate(drawn)]
    rankings = Rankings.from_ballots(given)
    texts = {p: {r: f"{p} {r}" for r in "abc"} for p in "pq"}
    value, lost = annotated_pairs(rankings, {"p": "P?", "q": "Q?"}, texts)
    path = tmp_path_factory.getbasetemp() / "pairs.json"
    path.write_text(json.dumps(value))
    back = read_source([str(path)], "icai")[1]
    assert lost == {}
    names = {p.split()[0]: i for i, texts in back.responses.items() for p in texts.values()}
    for prompt, annotator, ranking in given:
        levels = [level.split(" = ") for level in ranking.split(" > ")]
        rank = {one: n for n, level in enumerate(levels) for one in level}
        pairs = {
            frozenset((one, other)): rank[one] - rank[other]
            for one in rank
            for other in rank
            if one < other
        }
        found = 0
        ids = {text.split()[1]: one for one, text in back.responses[names[prompt]].items()}
        for ballot in back._ballots:
            if ballot.annotator_id != annotator:
                continue
            assert ballot.prompt_id == names[prompt]
            one, other = sorted(r for r in rank if ids[r] in ballot.responses)
            assert ballot.values is not None
            difference = ballot.values[ids[one]] - ballot.values[ids[other]]
            sign = (difference > 0) - (difference < 0)
            wanted = pairs[frozenset((one, other))]
            assert sign == (wanted > 0) - (wanted < 0)
            found += 1
        assert found == len(pairs)


def test_what_the_format_cannot_hold_is_counted() -> None:
    rankings = Rankings.from_ballots(
        [("p", "ann", "a > b"), ("p", "bob", "b > c"), ("q", "ann", "a > b")], [2.0, 1.0, 1.0]
    )
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tea?"}]
    texts = {"p": {"a": "Yes.", "b": "No.", "c": "No."}, "q": {"a": "Yes.", "b": " "}}
    value, lost = annotated_pairs(
        rankings, {"p": prompt, "q": "Q?"}, texts, features={"ann": {"country": "Peru"}}
    )
    assert lost == {
        "pairs of texts that are equal or empty": 2,
        "weights of ballots": 1,
        "roles of chat messages, which are text": 1,
        "further features of annotators": 1,
    }
    assert value["comparisons"][0]["prompt"] == "system: Be brief.\n\nuser: Tea?"
    assert list(value["annotators"]) == ["ann"]


def test_a_soft_label_is_one_annotation_for_its_likelier_side() -> None:
    row = {"prompt_id": "p", "annotator_id": "kind", "chosen": "b", "rejected": "a"}
    rankings = Rankings.from_frame([{**row, "tie": False, "weight": 2.0, "probability": 0.75}])
    value, lost = annotated_pairs(rankings, {"p": "Tea?"}, {"p": {"a": "No.", "b": "Yes."}})
    assert value["comparisons"][0]["annotations"] == {"kind": {"pref": "b"}}
    assert lost == {
        "weights of ballots": 1,
        "soft labels, of which the likelier side is held": 1,
    }


def test_pairs_without_their_texts_are_refused(folder: Path) -> None:
    rankings, out = folder / "rankings.jsonl", folder / "pairs.json"
    assert "give --prompts too" in refused(rlchf("convert", rankings, "--out", out))
    assert "is for --to annotated_pairs" in refused(
        rlchf("convert", rankings, "--out", folder / "x.csv", "--prompts", folder / "prompts.jsonl")
    )
    assert "give one that ends in .json" in refused(
        rlchf("convert", rankings, "--to", "annotated_pairs", "--out", f"{folder / 'x'}/")
    )
    assert "the suffix is that of csv" in refused(
        rlchf("convert", rankings, "--to", "annotated_pairs", "--out", folder / "x.csv")
    )
    assert "leave --prompts out" in refused(
        rlchf("convert", SOURCE, "--out", out, "--prompts", folder / "prompts.jsonl")
    )
    lines = (folder / "responses.jsonl").read_text().splitlines(keepends=True)
    (folder / "responses.jsonl").write_text("".join(lines[:3]))
    assert "prompt 'q': the responses file has no text of response 'r2'" in refused(command(folder))
    (folder / "responses.jsonl").write_text("".join(lines))
    (folder / "prompts.jsonl").write_text('{"prompt_id": "p", "prompt": "Tea?"}\n')
    assert "the prompts file has no prompt 'q'" in refused(command(folder))
    assert not out.exists()
