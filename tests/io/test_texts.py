"""Prompts, responses and annotators in."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rlchf.io import (
    read_annotators,
    read_prompts,
    read_responses,
)
from rlchf.io.texts import read_texts
from tests.support.files import Write


def test_prompts_may_be_text_or_chat_messages(write: Write) -> None:
    chat = [{"role": "user", "content": "hello"}]
    lines = [{"prompt_id": 7, "prompt": "hi", "source": "x"}, {"prompt_id": "q", "prompt": chat}]
    path = write("prompts.jsonl", "\n".join(json.dumps(line) for line in lines))
    assert read_prompts(path) == {"7": "hi", "q": chat}


def test_responses_are_nested_by_prompt(write: Write) -> None:
    rows = [("p", "a", "Ä"), ("q", "a", ""), ("p", "b", "two\nlines"), ("q", "b", True)]
    lines = [dict(zip(("prompt_id", "response_id", "text"), row, strict=True)) for row in rows]
    path = write("responses.jsonl", "\n".join(json.dumps(line) for line in lines))
    assert read_responses(path) == {"p": {"a": "Ä", "b": "two\nlines"}, "q": {"a": "", "b": "true"}}


def test_odd_prompts_are_counted(write: Write) -> None:
    asked, answer = ({"role": role, "content": "Hi"} for role in ("user", "assistant"))
    prompts = {"a": "Hi", "b": "", "c": " \n", "d": [asked, answer], "e": [asked, answer, asked]}
    lines = [json.dumps({"prompt_id": one, "prompt": text}) for one, text in prompts.items()]
    with pytest.warns() as caught:
        assert read_prompts(write("prompts.jsonl", "\n".join(lines))) == prompts
    said = [str(one.message) for one in caught]
    assert len(said) == 2
    assert "prompts.jsonl: 2 of 5 prompts, such as 'b', are blank" in said[0]
    assert "prompts.jsonl: 1 of 5 prompts, such as 'd', are conversations that end with" in said[1]


def test_a_blank_prompt_of_a_scored_text_is_named_by_its_line(write: Write) -> None:
    lines = [json.dumps({"prompt": prompt, "response": "x"}) for prompt in ("Hi", " ")]
    with pytest.warns(UserWarning, match="1 of 2 prompts, such as that on line 2, are blank"):
        read_texts(write("texts.jsonl", "\n".join(lines)))


def test_annotators_have_weights_and_groups(write: Write) -> None:
    path = write("people.csv", "annotator_id,weight,country\n007,2,Peru\nann,,\n")
    people = read_annotators(path)
    assert people.ids == ["007", "ann"]
    assert people.weights == {"007": 2.0, "ann": 1.0}
    assert people.features == {"country": ["Peru", ""]}
    assert people.group("country") == people["country"] == {"007": "Peru"}
    with pytest.raises(ValueError, match="no column 'city'; choose from country"):
        people.group("city")
    assert read_annotators(write("people.csv", "annotator_id\nann\n")).weights is None


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_prompts, '{"prompt_id": 1}', "line 1: there is no key 'prompt' among prompt_id"),
        (
            read_prompts,
            '{"prompt_id": "", "prompt": "x"}',
            "line 1: the prompt_id is ''; give text",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": 2}',
            "line 1: the prompt is '2'; give text or chat",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": []}',
            r"line 1: the prompt is '\[\]'; give text",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": [{"role": "user"}]}',
            r"line 1: a chat message is .*; give \{\"role\"",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}',
            "line 1: the content of a chat message of the user is .*; it must be text",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": [{"role": "assistant", "content": null}]}',
            "line 1: the content of a chat message of the assistant is 'None'; it must be text",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": [{"role": "human", "content": "Hi"}]}',
            "line 1: the role of a chat message is 'human'; write user",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": [{"role": "usr", "content": "Hi"}]}',
            "line 1: the role of a chat message is 'usr'; did you mean user",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": [{"role": "narrator", "content": "Hi"}]}',
            "line 1: the role of .* 'narrator'; choose from system, user, assistant, tool",
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": [{"from": "human", "value": "Hi"}]}',
            r"line 1: a chat message is .*; write role for from \(user for human",
        ),
        (
            read_prompts,
            '{"id": 1, "conversations": [{"from": "human", "value": "Hi"}]}',
            "line 1: there is no key 'prompt_id' among id, conversations; write the conversations before .* "
            r'as "prompt": \[\{"role": "user", "content": ...\}\] \(write role for from',
        ),
        (
            read_prompts,
            '{"prompt_id": 1, "prompt": "x"}\n\n{"prompt_id": "1", "prompt": "y"}',
            "line 3: prompt '1' is on line 1 too; keep one",
        ),
        (read_prompts, "", "the file is empty; give one JSON object per line"),
        (read_prompts, "prompt_id,prompt\n", "line 1: not JSON"),
        (
            read_responses,
            '{"prompt_id": 1, "response_id": 2, "text": "x"}\n' * 2,
            "line 2: response '2' of prompt '1' is on line 1 too",
        ),
        (
            read_responses,
            '{"prompt_id": 1, "response_id": 2, "text": null}',
            "line 1: the text is 'None'; give text",
        ),
    ],
)
def test_texts_are_refused_with_their_line_and_a_hint(
    write: Write, read: Callable[[Path], object], text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=r"texts\.jsonl(, |: )" + message):
        read(write("texts.jsonl", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("annotator_id,x\nann,1\nbob,1\nann,2\n", "row 4: annotator 'ann' is in row 2 too"),
        ("annotator_id,weight\nann,-1\n", "row 2: the weight is -1; give"),
        (
            "annotator,weight\nann,1\n",
            "there is no column 'annotator_id'; found .*; rename 'annotator' to 'annotator_id'",
        ),
        ("annotator_id,x\n,1\n", "row 2: the annotator_id is empty"),
    ],
)
def test_annotators_are_refused_with_their_row_and_a_hint(
    write: Write, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=r"people\.csv(, |: )" + message):
        read_annotators(write("people.csv", text))


def test_prompts_in_csv_are_refused(write: Write) -> None:
    with pytest.raises(
        ValueError, match=r"prompts\.csv: give a jsonl file, one JSON object per line"
    ):
        read_prompts(write("prompts.csv", "prompt_id,prompt\np,x\n"))
