"""Examples of questions with their answers, for a judge."""

from pathlib import Path
from typing import NamedTuple

from rlchf.io.chats import check_prompt
from rlchf.io.files import display_name, read_bytes, shown
from rlchf.io.jsonl import json_records
from rlchf.prompts import Prompt

KEYS = ("prompt", "responses", "question", "answer")
ANSWERS = ("A", "B", "C")


class JudgeExampleRow(NamedTuple):
    """One line: two responses to a prompt, a question about them, and the letter of its answer."""

    prompt: Prompt
    responses: tuple[str, str]
    question: str
    answer: str


def read_judge_examples(path: str | Path) -> list[JudgeExampleRow]:
    """Read ``{"prompt", "responses": [first, second], "question", "answer"}`` lines, an example each.

    Raises
    ------
    ValueError
        If a key is missing, there are not two responses, or the answer is no letter of an option.
    """
    source = display_name(path)
    rows = []
    for number, record in json_records(read_bytes(path), source):
        line = f"{source}, line {number}"
        for key in KEYS:
            if key not in record:
                raise ValueError(f"{line}: there is no key {key!r} among {', '.join(record)}")
        responses, question = record["responses"], record["question"]
        if not isinstance(responses, list) or [type(one) for one in responses] != [str, str]:
            raise ValueError(
                f"{line}: responses is {shown(responses)}; give two texts, those of (A) and (B)"
            )
        if not isinstance(question, str) or not question.strip():
            raise ValueError(f"{line}: question is {shown(question)}; give text")
        answer = str(record["answer"]).strip("() ")
        if answer not in ANSWERS:
            raise ValueError(f"{line}: answer is {shown(record['answer'])}; give A, B or C")
        first, second = responses
        rows.append(
            JudgeExampleRow(check_prompt(record["prompt"], line), (first, second), question, answer)
        )
    if not rows:
        raise ValueError(f"{source}: the file is empty; give one JSON object per line")
    return rows
