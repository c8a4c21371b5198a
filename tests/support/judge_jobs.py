"""Inputs of `rlchf constitution judge`, and how tests call it."""

import json
import re
from pathlib import Path
from typing import Any

from tests.support.chat_server import Body, asked_text, completion
from tests.support.cli import Done, rlchf

PROMPTS = {"tea": "Tea?", "7": "How do I boil an egg?", "chat": "How are you?"}
RESPONSES = {
    "tea": {"r1": "Yes, please! 🙂", "r2": "No."},
    "7": {
        "r1": "In boiling water, for seven minutes.",
        "r2": "I will not say.",
        "r10": "Ask a cook.",
    },
    "chat": {"r1": "Fine, and you?", "r2": "Why do you ask?"},
}
CONSTITUTION = """
title = "Three"
[[principles]]
name = "kind"
question = "Which response is kinder?"
weight = 2
[[principles]]
name = "brief"
question = "Which response is shorter?"
[[principles]]
name = "reviser only"
revision = "Write it anew."
"""
JUDGES = """
from rlchf.constitution.questions import Answer

def shorter(questions):
    return [0.75 if len(one.first) < len(one.second) else 0.25 for one in questions]

def silent(questions):
    return [None for one in questions]

def broken(questions):
    return [1 / 0 for one in questions]

def too_sure(questions):
    return [1.7 for one in questions]

def unsure(questions):
    return ["maybe" for one in questions]
"""


def write_inputs(folder: Path) -> None:
    """Prompts, responses, a constitution and a module of judges."""
    prompts = [{"prompt_id": name, "prompt": text} for name, text in PROMPTS.items()]
    responses = [
        {"prompt_id": name, "response_id": number, "text": text}
        for name, texts in RESPONSES.items()
        for number, text in texts.items()
    ]
    for file, rows in (("prompts.jsonl", prompts), ("responses.jsonl", responses)):
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "three.toml").write_text(CONSTITUTION)
    (folder / "judges_of_tests.py").write_text(JUDGES)


def run(judge: object, *more: object, out: str = "rankings.jsonl") -> Done:
    return rlchf(
        "constitution", "judge", "responses.jsonl", "--prompts", "prompts.jsonl", "--judge", judge,
        "--constitution", "three.toml", "--batch-size", 4, "--out", out, *more,
    )  # fmt: skip


def rows(out: str = "rankings.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(out).read_text().splitlines()]


def by_length(body: Body, number: int) -> Body:
    """The option whose text is shorter, without hesitation."""
    options = re.findall(r"^\([AB]\) (.*)$", asked_text(body), re.MULTILINE)
    return completion("(A)" if len(options[0]) < len(options[1]) else "(B)")
