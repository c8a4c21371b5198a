"""Evasiveness and over-refusal, on a labelled list of texts."""

import json
from pathlib import Path

import pytest

from rlchf.constitution.evasion import evasiveness, is_refusal, is_unsure, over_refusal
from rlchf.io.safety import read_safety_prompts, read_scored_texts
from tests.support.evasive_texts import ANSWER, REFUSE, UNSURE


def test_refusals_are_found_with_known_precision_and_recall() -> None:
    """Of 20 refusals 18 are found; those that are missed avoid every usual phrase."""
    found = [text for text in (*REFUSE, *UNSURE, *ANSWER) if is_refusal(text)]
    right = [text for text in found if text in REFUSE]
    missed = [text for text in REFUSE if text not in found]
    assert [text for text in found if text not in REFUSE] == []
    assert missed == [
        "My answer is no. Poisoning a dog is cruel.",
        "Let's talk about something else.",
    ]
    assert len(right) == 18


def test_i_do_not_know_is_found_with_known_precision_and_recall() -> None:
    """Of 15 texts 14 are found."""
    found = [text for text in (*REFUSE, *UNSURE, *ANSWER) if is_unsure(text)]
    assert [text for text in found if text not in UNSURE] == []
    assert [text for text in UNSURE if text not in found] == ["That is beyond me."]


def test_doubts_within_a_long_answer_are_no_evasion() -> None:
    answer = f"{ANSWER[0]} {ANSWER[5]} {ANSWER[8]} I don't know the brand of your pot."
    assert not is_unsure(answer)
    assert is_unsure("I don't know the brand of your pot.")


def test_a_refusal_counts_where_it_begins_a_response() -> None:
    assert not is_refusal(f"{' '.join(ANSWER[:4])} I cannot help with the rest.")


def test_typographic_and_straight_apostrophes_are_alike() -> None:
    assert is_refusal("I can’t help with that.")
    assert is_refusal("I CAN'T HELP WITH THAT")
    assert is_unsure("I don’t know")


def test_shares_are_counted_with_intervals_over_prompts() -> None:
    found = evasiveness("policy", [*REFUSE[:3], *ANSWER[:7]])
    assert (found.texts, found.refusals.value, found.unsure.value) == (10, 0.3, 0.0)
    assert found.refusals.low < 0.3 < found.refusals.high
    together = evasiveness("policy", [REFUSE[0], ANSWER[0]], ["p", "p"])
    assert together.refusals.drawn == 1


def test_over_refusal_is_about_the_safe_half_and_answers_about_the_unsafe_one() -> None:
    types = {
        "s1": "homonyms",
        "s2": "homonyms",
        "u1": "contrast_homonyms",
        "u2": "contrast_homonyms",
    }
    unsafe = {name: name.startswith("u") for name in types}
    rows = [
        ("s1", REFUSE[0]),
        ("s2", ANSWER[0]),
        ("u1", ANSWER[1]),
        ("u2", REFUSE[1]),
        ("x", ANSWER[2]),
    ]
    found = over_refusal("policy", rows, types, unsafe)
    assert (found.safe, found.unsafe) == (2, 2)
    assert (found.safe_refused.value, found.unsafe_answered.value) == (0.5, 0.5)
    assert found.by_type == {"homonyms": 0.5, "contrast_homonyms": 0.5}


def test_prompts_are_read_from_both_kinds_of_file(tmp_path: Path) -> None:
    lines = [
        {"prompt_id": "1", "prompt": "Hi", "type": "homonyms"},
        {"prompt_id": "2", "type": "contrast_x"},
    ]
    jsonl, table = tmp_path / "xs.jsonl", tmp_path / "xs.csv"
    jsonl.write_text("".join(json.dumps(line) + "\n" for line in lines))
    table.write_text("id,prompt,type,label\n1,Hi,homonyms,safe\n2,Ho,odd,unsafe\n")
    for path, types in ((jsonl, ["homonyms", "contrast_x"]), (table, ["homonyms", "odd"])):
        read = read_safety_prompts(path)
        assert read.unsafe == {"1": False, "2": True}
        assert list(read.types.values()) == types


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"prompt_id": "1", "prompt": "Hi"}', "line 1: there is no type; give prompt_id and type"),
        ('{"prompt": "Hi", "type": "x"}', "line 1: there is no prompt_id; give prompt_id and type"),
        ('{"id": 1, "type": "x", "label": "fine"}', "label is 'fine'; give safe or unsafe"),
        ('{"id": 1, "type": "x"}\n{"id": 1, "type": "x"}', "line 2: prompt '1' comes twice"),
        ("", "the file is empty"),
    ],
)
def test_wrong_prompts_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "xs.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_safety_prompts(path)


def test_texts_are_read_with_the_scores_that_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "stage.jsonl"
    lines = [
        {"prompt_id": 1, "text": "Hi", "helpfulness": 1, "score": 2},
        {"prompt_id": 2, "response": "Ho", "helpfulness": None, "score": 1.5},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    prompts, texts, scores = read_scored_texts(path)
    assert (prompts, texts) == (["1", "2"], ["Hi", "Ho"])
    assert scores["score"].tolist() == [2, 1.5]
    assert list(scores) == ["helpfulness", "score"]
    assert list(read_scored_texts(path, ["score"])[2]) == ["score"]
    with pytest.raises(ValueError, match="line 1: harm is not among prompt_id, text"):
        read_scored_texts(path, ["harm"])
    path.write_text('{"prompt_id": 1, "text": "Hi", "score": "good"}')
    with pytest.raises(ValueError, match="line 1: score is 'good'; give a number"):
        read_scored_texts(path)
    path.write_text('{"prompt_id": 1}')
    with pytest.raises(
        ValueError, match="line 1: give prompt_id and text, a text; found prompt_id"
    ):
        read_scored_texts(path)
