"""Public corpora and exports of tools: what becomes a ballot, what is dropped, what is refused."""

import csv
import gzip
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from rlchf.aggregation import aggregate
from rlchf.io import read_annotators, read_prompts, read_rankings, read_responses
from rlchf.io.sources import Converted, check_options, read_source, sources
from rlchf.io.sources._records import Files, text_id
from rlchf.jobs.convert import convert_files
from rlchf.jobs.settings import ConvertJob
from rlchf.rankings import Rankings

DATA = Path(__file__).parents[1] / "data" / "sources"


def fixture(name: str) -> Path:
    """The file or folder of a source's fixture."""
    return next(path for path in DATA.iterdir() if path.name.split(".")[0] == name)


def read(name: str, **options: Any) -> Converted:
    return read_source([str(fixture(name))], name, options)[1]


def ballots(converted: Converted) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """For each prompt, its ballots: the annotator, and rank or score by the response's text."""
    columns = converted.columns()
    value = columns.get("rank") or columns.get("score")
    assert value is not None
    found: dict[str, dict[tuple[Any, str], dict[str, Any]]] = defaultdict(dict)
    numbers = columns.get("ballot_id", [0] * len(value))
    for row in zip(
        numbers,
        *(columns[f"{one}_id"] for one in ("prompt", "annotator", "response")),
        value,
        strict=True,
    ):
        number, prompt, annotator, response, amount = row
        text = converted.responses[prompt][response]
        found[prompt].setdefault((number, annotator), {})[text] = amount
    return {
        prompt: [(annotator, ballot) for (_, annotator), ballot in of_prompt.items()]
        for prompt, of_prompt in found.items()
    }


def by_prompt_text(converted: Converted) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The ballots by what the prompt ends with."""
    texts = {
        one: prompt if isinstance(prompt, str) else prompt[-1]["content"]
        for one, prompt in converted.prompts.items()
    }
    return {texts[prompt]: found for prompt, found in ballots(converted).items()}


@pytest.mark.parametrize("name", sources())
def test_a_source_becomes_files_that_are_read_back_and_aggregated(
    name: str, tmp_path: Path
) -> None:
    report = convert_files(ConvertJob(files=(str(fixture(name)),), out=str(tmp_path / "out")))
    assert report.source == name  # recognised by its keys
    rankings = read_rankings(tmp_path / "out" / "rankings.csv")
    prompts = read_prompts(tmp_path / "out" / "prompts.jsonl")
    responses = read_responses(tmp_path / "out" / "responses.jsonl")
    assert set(rankings.prompt_ids) <= set(prompts)
    for prompt in rankings.prompt_ids:
        assert set(rankings.responses(prompt)) <= set(responses[prompt])
    people = tmp_path / "out" / "annotators.csv"
    if people.exists():
        assert set(rankings.annotator_ids) <= set(read_annotators(people).ids)
    assert (len(rankings.anonymous) == len(rankings.annotator_ids)) == sources()[name].anonymous
    assert report.numbers["ballots"] == rankings.n_ballots
    assert report.files == [str(tmp_path / "out" / Path(file).name) for file in report.files]
    assert all(number > 0 for number in report.dropped.values())
    assert len(aggregate(rankings, "borda").prompt_ids) == rankings.n_prompts


@pytest.mark.parametrize("name", sources())
def test_a_source_says_what_it_is(name: str) -> None:
    source = sources()[name]
    assert source.name == name
    assert all([source.title, source.licence, source.ballots, source.shape, source.marks])
    assert source.url.startswith("https://")
    options = source.read.__kwdefaults__ or {}
    assert set(options) == set(source.options)
    check_options(source, options)


@pytest.mark.parametrize("name", sources())
def test_the_page_of_sources_says_whose_it_is_and_under_what_licence(name: str) -> None:
    source = sources()[name]
    page = (DATA.parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` | [")).split("|")
    assert source.url in row[2]
    assert row[3].strip() == source.licence
    assert (row[5].strip() == "anonymous") == source.anonymous
    for option in source.options:
        assert f"| `{name}` | `{option}` |" in page


JSONL = [one for one in sources() if fixture(one).suffix == ".jsonl"]


@pytest.mark.parametrize("name", JSONL)
@pytest.mark.parametrize("suffix", [".parquet", ".json", ".jsonl.gz"])
def test_a_source_is_the_same_in_other_kinds_of_files(
    name: str, suffix: str, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in fixture(name).read_text().splitlines()]
    path = tmp_path / f"data{suffix}"
    if suffix == ".parquet":
        if name == "arena":  # text and lists in one column, which Parquet cannot have
            rows = [row for row in rows if isinstance(row["conversation_a"][0], dict)]
            rows = [row for row in rows if isinstance(row["conversation_a"][0]["content"], list)]
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=3)
    elif suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    lines = tmp_path / "plain.jsonl"
    lines.write_text("\n".join(map(json.dumps, rows)))
    there, back = (read_source([str(one)], name)[1] for one in (path, lines))
    assert there.columns() == back.columns()
    assert there.responses == back.responses
    assert there.dropped == back.dropped


def test_coval_keeps_ties_second_assessments_and_disapprovals() -> None:
    converted = read("coval")
    found = by_prompt_text(converted)
    first = {f"May a robot lie to be kind: view {letter}.": rank for letter, rank in zip(
        "BACD", [1, 2, 2, 2], strict=True
    )}  # fmt: skip
    assert found["May a robot lie to be kind?"] == [("ann", first)]
    assert [annotator for annotator, _ in found["Should we ban cars in towns?"]] == ["ann", "ann"]
    columns = converted.columns()
    assert columns["approval"][:4] == [0, 0, 0, -1]
    rows = [i for i, prompt in enumerate(columns["prompt_id"]) if prompt == "c1"]
    assert [columns["approval"][i] for i in rows] == [0] * 4 + [
        None
    ] * 4  # not asked the second time
    assert converted.annotators["ann"] == {
        "age": "25-34", "country_of_residence": "Mexico", "education": "BA; MA",
    }  # fmt: skip
    assert converted.dropped == {
        "labels of importance": 10,
        "labels of representativeness": 10,
        "labels of subjectivity": 10,
        "reasons in words": 10,
        "assessments without a personal ranking": 3,
    }


def test_coval_has_a_second_ballot_on_what_is_best_for_the_world() -> None:
    found = by_prompt_text(read("coval", ballots="world"))
    bob = found["May a robot lie to be kind?"][1]
    assert bob[0] == "bob"
    assert list(bob[1].values()) == [1, 2, 2, 2]
    assert sum(map(len, found.values())) == 14


def test_community_alignment_joins_the_same_prompt_and_answers_whatever_their_order() -> None:
    converted = read("community_alignment")
    found = by_prompt_text(converted)
    bread, soup, eggs, pizza = "Bake bread.", "Cook soup.", "Fry eggs.", "Order pizza."
    others = {bread: 2, soup: 1, eggs: 2, pizza: 2}
    assert found["And for two?"][0][1] == {bread: 1, soup: 2, eggs: 2, pizza: 2}
    cook = [
        of_prompt
        for prompt, of_prompt in ballots(converted).items()
        if converted.prompts[prompt] == "What shall I cook?" and len(of_prompt) > 1
    ]
    assert cook == [
        [
            ("p1", others),
            ("p2", {pizza: 2, eggs: 2, soup: 1, bread: 2}),
            ("p3", {bread: 2, soup: 2, eggs: 2, pizza: 1}),
            ("p5", others),
        ]
    ]
    assert found["What is quick?"] == [("p4", {bread: 1, soup: 2})]
    topics = [converted.topics[one]["language"] for one in converted.prompts]
    assert topics == ["en", "en", "fr", "en", "en", "en"]
    assert converted.annotators["p2"] == {"age": "35-45", "gender": "woman", "country": "italy"}


def test_community_alignment_goes_on_with_the_answer_that_was_chosen() -> None:
    converted = read("community_alignment")
    (conversation,) = [one for one in converted.prompts.values() if not isinstance(one, str)]
    assert [message["content"] for message in conversation] == [
        "And for two?", "Bake bread.", "Is it cheap?",
    ]  # fmt: skip
    assert by_prompt_text(converted)["Is it cheap?"][0][1]["A little."] == 1
    assert converted.dropped == {
        "reasons in words": 2,
        "turns without a choice": 1,
        "choices without two different answers": 1,
        "choices after a turn without a choice": 1,
    }
    assert read("community_alignment", turns="first").n_ballots == converted.n_ballots - 1


def test_prism_scores_are_scores_and_later_turns_know_the_conversation() -> None:
    converted = read("prism")
    found = by_prompt_text(converted)
    assert found["Is tea healthy?"] == [
        ("u1", {f"Tea answer {k}.": score for k, score in enumerate([80, 80, 15, 99])})
    ]
    assert [message["content"] for message in converted.prompts["c1-1"]] == [  # type: ignore[index]
        "Is tea healthy?", "Tea answer 3.", "And coffee?",
    ]  # fmt: skip
    assert converted.labels["c1-0", "1"] == {"model": "m2"}
    assert converted.annotators["u1"] == {
        "age": "18-24 years old",
        "gender": "Female",
        "education": "University",
        "ethnicity": "Asian",
        "religion": "No Affiliation",
        "birth_country": "Japan",
        "birth_region": "Asia",
        "reside_country": "Japan",
    }
    assert converted.dropped == {
        "answers without a score": 1,
        "choices of an answer that is not scored highest": 1,
        "turns with fewer than two scored answers": 1,
    }
    chosen = by_prompt_text(read("prism", ballots="choices", turns="first"))
    assert chosen["Who should rule?"] == [("u2", {"A council.": 1, "The people.": 2})]
    assert "And coffee?" not in chosen


def test_multipref_words_are_preferences_with_a_strength() -> None:
    converted = read("multipref")
    rows = ballots(converted)["q0"]
    long, short = "Long answer 0.", "Short answer 0."
    assert rows[:4] == [
        ("w1", {long: 1, short: 2}),
        ("w2", {long: 1, short: 1}),
        ("x1", {long: 2, short: 1}),
        ("x2", {long: 1, short: 2}),
    ]
    assert converted.columns()["strength"][:8:2] == [2, 0, 2, 2]
    assert converted.annotators == {
        "w1": {"kind": "normal"},
        "w2": {"kind": "normal"},
        "x1": {"kind": "expert"},
        "x2": {"kind": "expert"},
    }
    assert converted.dropped["annotations without overall_pref"] == 1
    assert converted.dropped["preferences between two equal texts"] == 4
    truthful = ballots(read("multipref", aspect="truthful"))
    assert all(set(one.values()) == {1} for rows in truthful.values() for _, one in rows)
    with pytest.raises(ValueError, match="no record judges two responses or more"):
        read("multipref", aspect="harmless").columns()


def test_helpsteer3_preferences_are_anonymous_and_keep_their_ties() -> None:
    converted = read("helpsteer3")
    found = by_prompt_text(converted)
    assert found["Write line 0."] == [
        ("anonymous:1", {"First 0.": 1, "Second 0.": 2}),
        ("anonymous:2", {"First 0.": 1, "Second 0.": 2}),
        ("anonymous:3", {"First 0.": 2, "Second 0.": 1}),
    ]
    assert all(set(one.values()) == {1} for _, one in found["Write line 1."])
    assert converted.columns()["strength"][:6:2] == [3, 2, 1]
    assert len(found["A line."]) == 1
    assert converted.dropped == {
        "individual preferences without a score": 1,
        "preferences between two equal texts": 3,
    }


def test_habermas_ranks_begin_at_the_best_and_mock_rankings_are_left_out() -> None:
    converted = read("habermas")
    found = ballots(converted)
    first, second = found
    assert found[first] == [
        ("w1", {"We think s4.": 1, "We think s3.": 2, "We think s2.": 3, "We think s1.": 4}),
        ("w2", {"We think s4.": 1, "We think s3.": 1, "We think s2.": 2, "We think s1.": 3}),
        ("w3", {"We think s4.": 4, "We think s3.": 3, "We think s2.": 2, "We think s1.": 1}),
    ]
    assert [annotator for annotator, _ in found[second]] == ["w1", "w2"]
    # The first record on the second question lacks its text, which a later one has.
    assert converted.prompts[second] == "Should we do 2?"
    assert converted.topics[first]["split"] == "TRAIN"
    assert converted.dropped == {
        "mock rankings": 2,
        "records without a ranking": 1,
        "rankings that were not completed": 1,
        "rankings of statements without a text": 1,
    }


def test_habermas_ratings_are_scores() -> None:
    converted = read("habermas", ballots="agreement")
    (first, *_), *_ = ballots(converted).values()
    assert first == (
        "w1", {"We think s1.": 6, "We think s2.": 4, "We think s3.": 2, "We think s4.": 1},
    )  # fmt: skip
    assert converted.dropped["mock ratings"] == 5


def test_arena_ties_stay_ties_and_both_bad_is_two_disapprovals() -> None:
    converted = read("arena")
    found = by_prompt_text(converted)
    assert found["Hi"] == [
        ("anonymous:1", {"Hello!": 1, "Hey.": 2}),
        ("anonymous:2", {"Hello!": 2, "Good day.": 1}),
    ]
    assert found["Sum 2+2"] == [("anonymous:1", {"4": 1, "Four.": 1})]
    assert found["Sum 2+3"][0][1] == {"6": 1, "Seven.": 1}
    columns = converted.columns()
    disapproved = [
        converted.responses[prompt][response]
        for prompt, response, approval in zip(
            columns["prompt_id"], columns["response_id"], columns["approval"], strict=True
        )
        if approval == -1
    ]
    assert disapproved == ["6", "Seven.", "Rome.", "Oslo."]
    assert {approval for approval in columns["approval"] if approval != -1} == {None}
    assert found["More"] == [("anonymous:1", {"Ho.": 2, "Hu.": 1})]
    assert found["Hola"] == [("anonymous:1", {"Buenas.": 1, "Hola.": 2})]
    prompt = text_id(json.dumps([{"role": "user", "content": "Hi"}]))
    assert converted.labels[prompt, text_id("Good day.")] == {"model": "m3"}
    assert converted.dropped == {
        "votes between two equal texts": 1,
        "votes on conversations that differ before the last answer": 1,
        "votes on conversations with a picture or an empty message": 1,
    }


def test_ultrafeedback_aspects_are_annotators() -> None:
    converted = read("ultrafeedback")
    found = by_prompt_text(converted)
    assert found["Task 0"][0] == (
        "helpfulness", {f"Answer {k} to 0.": 1 + (k * 4) % 5 for k in range(4)},
    )  # fmt: skip
    assert "Answer 2 to 1." not in dict(found["Task 1"])["honesty"]
    assert len(dict(found["Task 2"])["honesty"]) == 3
    assert converted.annotators["honesty"] == {"kind": "aspect"}
    assert converted.dropped == {
        "ratings that are not available": 1,
        "ratings of a text that is rated already": 4,
        "answers without a text": 1,
    }


def broken(name: str, tmp_path: Path, change: Any) -> str:
    """The message about a fixture whose record on line 3 is changed."""
    source = fixture(name)
    path = next(source.glob("*.jsonl")) if source.is_dir() else source
    if source.is_dir():
        path = source / {"coval": "comparisons.jsonl", "prism": "utterances.jsonl"}[name]
    if path.suffix == ".csv":
        rows = list(csv.DictReader(path.open(newline="")))
        change(rows[2])
        target = tmp_path / path.name
        with target.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[2]), extrasaction="ignore", restval="")
            writer.writeheader()
            writer.writerows(rows)
    else:
        records = [json.loads(line) for line in path.read_text().splitlines()]
        change(records[2])
        target = tmp_path / path.name
        target.write_text("\n".join(map(json.dumps, records)))
    with pytest.raises(ValueError, match=re.escape(str(target))) as caught:
        read_source([str(target)], name)
    return str(caught.value).replace(str(target), "FILE")


def _set(*keys: Any, value: Any) -> Any:
    def change(record: Any) -> None:
        for key in keys[:-1]:
            record = record[key]
        if value is None:
            del record[keys[-1]]
        else:
            record[keys[-1]] = value

    return change


REFUSED = [
    ("coval", _set("responses", 1, "messages", value=None),
     "FILE, line 3, responses 2: there is no key 'messages' among response_index; the shape is"),
    ("coval", _set("metadata", "assessments", 0, "ranking_blocks", "personal", 0, "ranking",
                   value="A>B>E"),
     "FILE, line 3, metadata, assessments 1, ranking_blocks, personal 1: the ranking 'A>B>E' names 'E' "
     "which is none of A, B, C, D"),
    ("coval", _set("metadata", "assessments", 0, "ranking_blocks", "personal", 0, "ranking",
                   value="A>B>A"), "names 'A' twice"),
    ("coval", _set("prompt_id", value="c0"),
     "FILE, line 3: prompt 'c0' comes twice, with different texts"),
    ("community_alignment", _set("first_turn_preferred_response", value="response_e"),
     "FILE, row 4: first_turn_preferred_response is 'response_e'; there should be one of response_a"),
    ("community_alignment", _set("annotator_id", value=" "), "FILE, row 4: annotator_id is empty"),
    ("prism", _set("score", value="good"),
     "FILE, line 3: score is 'good'; there should be a number"),
    ("prism", _set("user_prompt", value=None), "there is no key 'user_prompt'"),
    ("multipref", _set("normal_worker_annotations", 0, "overall_pref", value="A"),
     "FILE, line 3, normal_worker_annotations 1: overall_pref is 'A'; there should be one of "
     "a-is-clearly-better"),
    ("multipref", _set("expert_worker_annotations", value={"a": 1}),
     "FILE, line 3: expert_worker_annotations is"),
    ("helpsteer3", _set("individual_preference", 1, "score", value=4),
     "FILE, line 3, individual_preference 2: the score is 4; there should be a number from -3 to 3"),
    ("helpsteer3", _set("context", value=[{"role": "user"}]), "FILE, line 3: a chat message is"),
    ("habermas", _set("rankings.numerical_ranks", value=[1, 2]),
     "FILE, line 3: 2 ranks for the 4 statements of rankings.candidate_ids"),
    ("habermas", _set("rankings.numerical_ranks", value=[1, 2, "x", 3]),
     "FILE, line 3: a rank is 'x'; there should be a number"),
    ("arena", _set("winner", value="model_c"),
     "FILE, line 3: winner is 'model_c'; there should be one of model_a, model_b, tie"),
    ("arena", _set("conversation_a", value="[{'role': 'user'}]"),
     "FILE, line 3: conversation_a is \"[{'role': 'user'}]\"; there should be a list of messages"),
    ("ultrafeedback", _set("completions", 0, "annotations", "honesty", value=None),
     "FILE, line 3, completions 1, annotations: there is no key 'honesty'"),
    ("ultrafeedback", _set("completions", 0, "annotations", "honesty", "Rating", value="high"),
     "FILE, line 3, completions 1, annotations, honesty: Rating is 'high'; there should be a number"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "message"), REFUSED)
def test_a_broken_record_is_refused_with_its_place(
    name: str, change: Any, message: str, tmp_path: Path
) -> None:
    assert message in broken(name, tmp_path, change)


def test_an_unknown_shape_names_the_closest_source(tmp_path: Path) -> None:
    path = tmp_path / "votes.jsonl"
    path.write_text('{"winner": "model_a", "conversation_a": [], "conversation_c": []}\n')
    with pytest.raises(ValueError, match=r"fit no source; the closest is arena, which also has"):
        read_source([str(path)])
    with pytest.raises(ValueError, match=r"no file has the keys winner, .*conversation_b missing"):
        read_source([str(path)], "arena")


def test_names_of_sources_and_options_are_checked() -> None:
    with pytest.raises(ValueError, match=r"unknown source 'covall'; .*did you mean coval"):
        read_source([str(fixture("coval"))], "covall")
    with pytest.raises(ValueError, match=r"source 'coval' has no option 'ballot'; did you mean"):
        read("coval", ballot="world")
    with pytest.raises(ValueError, match=r"option ballots is 'word'; choose from personal, world"):
        read("coval", ballots="word")
    with pytest.raises(ValueError, match=r"source 'arena' has no option 'x'; it has none"):
        read("arena", x=1)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", b'a,b\n1,"2\n', "row 2: unexpected end of data"),
        ("a.csv", b"a,b\n1,2,3\n", "row 2: 3 cells, but the header has 2"),
        ("a.csv", b"a,b\n1,\xff\n", "not UTF-8"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "line 2: not JSON"),
        ("a.jsonl", b"[1]\n", "line 1: found '[1]'; give one JSON object per line"),
        ("a.json", b"[1]", "item 1: found '1'; give objects"),
        ("a.json", b"{", "not JSON"),
        ("a.parquet", b"PAR1", "cannot be read as Parquet"),
        ("a.txt", b"x", "give a file that ends in .jsonl"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    name: str, text: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        list(Files.of([str(path)]).records())
    assert name in str(caught.value)


def test_records_of_every_kind_of_file_know_their_row(tmp_path: Path) -> None:
    rows = [{"a": "x", "b": 1}, {"a": "é", "b": 2}]
    (tmp_path / "1.csv").write_bytes("\ufeffa,b\nx,1\n\né,2\n".encode())
    (tmp_path / "2.tsv").write_text("a\tb\nx\t1\né\t2\n")
    (tmp_path / "3.jsonl").write_text("\ufeff" + "\n\n".join(map(json.dumps, rows)))
    (tmp_path / "4.json").write_text("\n".join(map(json.dumps, rows)))  # lines, under this suffix
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "5.parquet")
    (tmp_path / ".hidden.csv").write_text("a,b\n")
    (tmp_path / "notes.md").write_text("no data")
    files = Files.of([str(tmp_path)])
    places = [(one.place.removeprefix(f"{tmp_path}/"), one.number("b")) for one in files.records()]
    assert places == [
        ("1.csv, row 2", 1), ("1.csv, row 4", 2), ("2.tsv, row 2", 1), ("2.tsv, row 3", 2),
        ("3.jsonl, line 1", 1), ("3.jsonl, line 3", 2), ("4.json, line 1", 1), ("4.json, line 2", 2),
        ("5.parquet, row 1", 1), ("5.parquet, row 2", 2),
    ]  # fmt: skip
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="a folder without a file that ends in"):
        Files.of([str(empty)])


def test_a_folder_may_lie_in_a_hidden_one(tmp_path: Path) -> None:
    folder = tmp_path / ".cache" / "corpus"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("a\n1\n")
    assert len(list(Files.of([str(folder)]).records("a"))) == 1


def test_a_row_without_a_judgement_is_counted(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in fixture("helpsteer3").read_text().splitlines()]
    rows[0]["individual_preference"] = None
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    converted = read_source([str(tmp_path / "x.jsonl")], "helpsteer3")[1]
    assert converted.dropped["comparisons without individual preferences"] == 1


@pytest.mark.parametrize("name", ["coval", "prism", "community_alignment", "multipref", "arena"])
def test_a_corpus_whose_files_overlap_counts_once(name: str, tmp_path: Path) -> None:
    original = fixture(name)
    copy = tmp_path / original.name
    shutil.copytree(original, copy) if original.is_dir() else shutil.copy(original, copy)
    once, twice = read(name), read_source([str(original), str(copy)], name)[1]
    assert twice.columns() == once.columns()
    (what,) = twice.dropped.keys() - once.dropped.keys()
    assert what.endswith("that come twice")


def test_a_folder_of_parts_is_one_corpus(tmp_path: Path) -> None:
    lines = fixture("helpsteer3").read_text().splitlines(keepends=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "part-0.jsonl").write_text("".join(lines[:4]))
    (tmp_path / "data" / "part-1.jsonl").write_text("".join(lines[4:]))
    whole = read("helpsteer3")
    assert read_source([str(tmp_path)])[1].columns() == whole.columns()


def values() -> Iterator[dict[str, Any]]:
    yield {"ranks": {"a": 1}, "scores": {"a": 1}}
    yield {}
    yield {"ranks": {}}
    yield {"scores": {"a": 1, "b": 2}}  # after ranks


@pytest.mark.parametrize("wrong", values())
def test_ballots_of_a_source_have_one_kind_of_values(wrong: dict[str, Any]) -> None:
    converted = Converted()
    converted.ballot("p", "ann", ranks={"a": 1, "b": 2})
    with pytest.raises(ValueError, match="ranks"):
        converted.ballot("p", "bob", **wrong)


def test_ballots_on_a_single_response_are_counted_not_kept() -> None:
    converted = Converted()
    converted.ballot("p", "ann", ranks={"a": 1, "b": 2}, weight=2.0)
    converted.ballot("q", "ann", ranks={"a": 1})
    assert converted.columns()["prompt_id"] == ["p", "p"]
    assert converted.columns()["weight"] == [2.0, 2.0]
    assert converted.dropped == {"ballots on prompts of which one response only is judged": 1}


def test_an_annotator_keeps_the_first_value_of_a_feature() -> None:
    converted = Converted()
    converted.annotator("ann", age="20", region=None)
    converted.annotator("ann", age="21", region="Asia")
    converted.annotator("ann", age="20")
    assert converted.annotators == {"ann": {"age": "20", "region": "Asia"}}
    assert converted.dropped == {"values of age that differ from an annotator's earlier one": 1}


def test_approvals_alone_are_a_table_that_is_read() -> None:
    converted = Converted()
    converted.ballot("p", "ann", approvals={"a": 1, "b": -1, "c": 0})
    rankings = Rankings.from_frame(converted.columns())
    assert "rank" not in rankings.columns()
    assert rankings.entry_ranks.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "name", ["coval", "multipref.jsonl", "polis", "icai.json", "argilla.jsonl", "potato"]
)
def test_rankings_that_are_a_source_are_told_how_to_convert(name: str) -> None:
    path = DATA / name
    source = name.partition(".")[0]
    with pytest.raises(
        ValueError, match=rf"this looks like .*; rlchf convert .* --from {source} --out FOLDER"
    ):
        read_rankings(path)


def test_a_table_of_ours_is_not_taken_for_a_source(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("prompt_id,annotator_id,prompt,chosen,rejected\np,ann,Tea?,a,a\n")
    with pytest.raises(
        ValueError, match=r"chosen and rejected are both 'a', in 1 of 1 rows; give two .* out$"
    ):
        read_rankings(path)
