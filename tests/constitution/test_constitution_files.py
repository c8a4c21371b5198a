"""Constitutions in the shapes of others, and as TOML."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlchf.constitution.principles import Constitution, Principle
from rlchf.io.constitutions import read_constitution, shipped, write_constitution
from tests.support.cli import refused, rlchf

REQUESTS = {
    "harm": {
        "prompt": ["\n\nCritiqueRequest: Say what could hurt somebody.\n\nCritique:"],
        "edit_request": "\n\nRevisionRequest: Take out what could hurt somebody.\n\nRevision:",
    },
    "manners": {"prompt": "Say what is rude.", "edit_request": "Write it politely."},
}
COMPARISONS = ["\nWhich response is kinder? Options:", "Choose the safer response."]
PAIRS: dict[str, Any] = {
    "metadata": {"version": "2.0", "dataset_name": "tea"},
    "annotators": {
        "h1": {"name": "ann", "type": "human"},
        "p1": {"description": "Select the response that is shorter", "type": "principle"},
        "p2": {"description": "Select the response that is kinder", "type": "principle"},
        "n1": {"description": "Is it in verse?", "type": "non_preference_principle"},
    },
    "comparisons": [],
}


def written(folder: Path, value: Any, name: str = "x.json") -> Path:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


# --- Shapes


@pytest.mark.parametrize("name", ["x.json", "x.txt", "x.toml"])
def test_critique_and_revision_requests_are_read_whatever_the_file_is_called(
    name: str, tmp_path: Path
) -> None:
    read = read_constitution(written(tmp_path, REQUESTS, name))
    assert list(read) == [
        Principle(
            "harm",
            critique="Say what could hurt somebody.",
            revision="Take out what could hurt somebody.",
        ),
        Principle("manners", critique="Say what is rude.", revision="Write it politely."),
    ]


def test_a_principle_with_several_critique_requests_becomes_several(tmp_path: Path) -> None:
    value = {"harm": {"prompt": ["First?", "Second?"], "edit_request": "Mend it."}}
    with pytest.warns(UserWarning, match="'harm' has 2 critique requests, .* harm_1 to harm_2"):
        read = read_constitution(written(tmp_path, value))
    assert [(one.name, one.critique, one.revision) for one in read] == [
        ("harm_1", "First?", "Mend it."),
        ("harm_2", "Second?", "Mend it."),
    ]


@pytest.mark.parametrize("value", [COMPARISONS, [[one] for one in COMPARISONS]])
def test_a_list_of_comparison_principles_is_read(value: Any, tmp_path: Path) -> None:
    read = read_constitution(written(tmp_path, value))
    assert [(one.name, one.question) for one in read] == [
        ("principle_1", "Which response is kinder?"),
        ("principle_2", "Choose the safer response."),
    ]


def test_numbers_of_principles_have_equally_many_digits(tmp_path: Path) -> None:
    read = read_constitution(written(tmp_path, [f"Which is {i}?" for i in range(12)]))
    assert read.names[0] == "principle_01"
    assert read.names == sorted(read.names)


def test_principles_that_annotate_pairs_are_a_constitution(tmp_path: Path) -> None:
    read = read_constitution(written(tmp_path, PAIRS))
    assert [(one.name, one.question) for one in read] == [
        ("p1", "Select the response that is shorter"),
        ("p2", "Select the response that is kinder"),
    ]
    assert read.title == "tea"
    source = Path(__file__).parents[1] / "data/sources/icai.json"
    assert read_constitution(source).names == ["p1", "p2"]  # the annotators of rlchf convert


def test_json_with_our_own_keys_is_read(tmp_path: Path) -> None:
    shown = json.loads(rlchf("constitution", "show", "default", "--json").stdout)
    assert read_constitution(written(tmp_path, shown)) == read_constitution("default")


def test_what_is_shown_begins_with_a_text_and_is_indented(tmp_path: Path) -> None:
    table = '[[principles]]\nname = "kind"\nquestion = """Which is kinder?\nMind the tone."""\n'
    shown = rlchf("constitution", "show", written(tmp_path, table, "x.toml")).stdout
    assert shown == "kind (weight 1)\n  question: Which is kinder?\n    Mind the tone.\n"


def test_what_show_prints_of_a_reviser_alone_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, REQUESTS, "x.json")
    printed = json.loads(rlchf("constitution", "show", path, "--json").stdout)
    assert "question" not in printed["principles"][0]
    assert read_constitution(written(tmp_path, printed, "y.json")) == read_constitution(path)


def test_judges_that_principles_name_are_not_loaded_to_show_them(tmp_path: Path) -> None:
    text = '[[principles]]\nname = "a"\nquestion = "Which?"\njudge = "nosuch:fn"\n'
    done = rlchf("constitution", "show", written(tmp_path, text, "x.toml"))
    assert "  judge: nosuch:fn" in done.stdout
    assert "are not loaded" in rlchf("constitution", "show", "--help").stdout


def test_an_empty_judge_is_the_judge_of_the_others(tmp_path: Path) -> None:
    text = '[[principles]]\nname = "a"\nquestion = "Which?"\njudge = ""\n'
    assert read_constitution(written(tmp_path, text, "x.toml"))["a"].judge == ""


# --- What is refused


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, "no principles"),
        ([], "no principles"),
        ("[principles]", "principles is no list of tables"),
        ("title = 'x'", "no principles"),
        ({"principles": []}, "no principles"),
        ({"principles": {"a": 1}}, "principles is no list of tables"),
        ({"principles": [], "titel": ""}, "unknown key 'titel'; .*did you mean title"),
        ({"principles": [{"name": "", "question": "Which?"}]}, "a principle has no name"),
        ({"principles": [{"name": "a", "question": 3}]}, r"principle 1 \('a'\): question is 3"),
        (
            {"principles": [{"name": "a", "revision": "Mend it.", "question": ""}]},
            r"principle 1 \('a'\): question is empty; give a text, or leave question out",
        ),
        (
            '[[principles]]\nname = "b"\nquestion = "Which?"\nrevision = ""',
            r"principle 1 \('b'\): revision is empty",
        ),
        (
            '[[principles]]\nname = "c"\nrevision = "Mend it."\ncritique = "  "',
            r"principle 1 \('c'\): principle 'c' has blanks alone as critique",
        ),
        (
            {"principles": [{"name": "d", "question": "\n "}]},
            "principle 'd' has blanks alone as question; give a text, or leave question out",
        ),
        (
            {"principles": [{"name": "e", "question": "Which?", "judge": " "}]},
            "principle 'e' has blanks alone as judge",
        ),
        ("3", "is not JSON"),
        ('{"a": ', "is not JSON"),
        ({"model": "m", "choices": []}, "an object with model, choices, and no constitution"),
        ({"a": {"prompt": ["x"]}}, "principle 'a' lacks the key 'edit_request'"),
        ({"a": {"edit_request": "x"}}, "principle 'a' lacks the key 'prompt'"),
        (
            {"a": {"prompt": [], "edit_request": "x"}},
            r"principle 'a': prompt is '?\[\]'?; give a list",
        ),
        ({"a": {"prompt": [3], "edit_request": "x"}}, "principle 'a': a critique request is .*3"),
        (
            {"a": {"prompt": ["Critique:"], "edit_request": "x"}},
            "principle 'a': a critique request is empty",
        ),
        ({"a": {"prompt": ["x"], "edit_request": " "}}, "principle 'a': edit_request is empty"),
        (
            {"a": {"prompt": ["x"], "edit_request": "y", "edit_requests": "z"}},
            "principle 'a': unknown key 'edit_requests'; .*did you mean edit_request",
        ),
        (
            {"a": {"prompt": ["x"], "edit_request": "y"}, "b": 3},
            "principle 'b' is .*3.*; give an obj",
        ),
        ({"": {"prompt": ["x"], "edit_request": "y"}}, "a principle has no name"),
        (
            '{"a": {"prompt": ["x"], "edit_request": "y"}, "a": {"prompt": ["x"], "edit_request": "y"}}',
            "'a' comes twice",
        ),
        (["Which?", ""], "principle 2: the principle is empty"),
        (["Which?", 3], "principle 2: the principle is .*3"),
        ([["Which?", "What?"]], "principle 1: found a list of 2 texts"),
        (["Which?", "Which? Options:"], "principle 2 is principle 1 again"),
        (
            PAIRS | {"annotators": {"h": {"type": "human"}, "u": {}}},
            r"none of 2 annotators is of type principle \(by type: 1 human, 1 unknown\)",
        ),
        (
            PAIRS | {"annotators": {"p": {"type": "principle"}}},
            "annotator 'p': the desc.* is empty",
        ),
        (PAIRS | {"annotators": {"p": 3}}, "annotator 'p' is .*3"),
        (PAIRS | {"annotators": [1]}, "annotators is .*; give an object"),
    ],
)
def test_a_wrong_constitution_is_refused_by_the_principle_s_name(
    value: Any, words: str, tmp_path: Path
) -> None:
    path = written(tmp_path, value)
    if (isinstance(value, str) and "=" in value) or value == "[principles]":
        path = path.rename(tmp_path / "x.toml")
    with pytest.raises(ValueError, match=words) as error:
        read_constitution(path)
    assert re.match(r".*x\.(json|toml)", str(error.value))
    assert "\n" not in str(error.value)


# --- TOML


@pytest.mark.parametrize("name", shipped())
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    read = read_constitution(name)
    write_constitution(tmp_path / "x.toml", read)
    assert read_constitution(tmp_path / "x.toml") == read


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1, max_size=30
).filter(lambda text: text.strip() == text)


@given(
    st.lists(
        st.builds(Principle, name=TEXTS, revision=TEXTS, question=TEXTS, weight=st.floats(0.1, 9)),
        min_size=1,
        max_size=4,
        unique_by=lambda one: one.name,
    ),
    TEXTS,
)
def test_any_constitution_survives_being_written(
    tmp_path_factory: pytest.TempPathFactory, principles: list[Principle], title: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    constitution = Constitution(tuple(principles), title=title)
    write_constitution(path, constitution)
    assert read_constitution(path) == constitution


def test_the_command_turns_any_shape_into_toml(tmp_path: Path) -> None:
    for number, value in enumerate((REQUESTS, COMPARISONS, PAIRS)):
        out = tmp_path / f"{number}.toml"
        done = rlchf("constitution", "convert", written(tmp_path, value), "--out", out)
        assert done.returncode == 0, done.stderr
        assert read_constitution(out) == read_constitution(tmp_path / "x.json")
    assert done.stderr == (
        f"2 principles, 0 with a revision request and 2 with a question: {out}\n"
    )
    piped = rlchf("constitution", "convert", tmp_path / "x.json", "--out", "-").stdout
    assert piped == (
        'title = "tea"\n\n[[principles]]\nname = "p1"\nquestion = "Select the response that is shorter"\n\n'
        '[[principles]]\nname = "p2"\nquestion = "Select the response that is kinder"\n'
    )


def test_the_command_refuses_in_one_sentence(tmp_path: Path) -> None:
    path = written(tmp_path, REQUESTS)
    assert "ends in .toml" in refused(rlchf("constitution", "convert", path, "--out", "x.json"))
    toml = tmp_path / "x.toml"
    toml.write_text("")
    new = tmp_path / "new.toml"
    assert "no principles" in refused(rlchf("constitution", "convert", toml, "--out", new))
    assert "is an input" in refused(rlchf("constitution", "convert", toml, "--out", toml))
    assert not new.exists()
