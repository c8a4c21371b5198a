"""Prompts and responses of which projects are made, and the ballots that come back."""

import itertools
from pathlib import Path
from typing import Any

from rlchf.io.json import write_jsonl
from rlchf.rankings import Rankings

PROMPTS: dict[str, Any] = {
    "greet": "How do I greet\nsomeone?",
    "cook": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What to cook?"},
    ],
    "code": "Add one </script> & <b>two</b>.",
    "alone": "Nothing to compare?",
}
RESPONSES = {
    "greet": {"a": "Yo.", "b": "Hello, good to see you.", "c": "Good day."},
    "cook": {"x": "Rice", "y": "Eggs"},
    "code": {"m1": "def f(x):\n    return x + 1", "m2": "</script><script>alert(1)</script>", "m3": "No",
             "m4": "?"},
    "alone": {"only": "Nothing."},
}  # fmt: skip


def task_files(folder: Path) -> tuple[str, ...]:
    """The arguments that name prompts and responses."""
    write_jsonl(
        folder / "prompts.jsonl",
        ({"prompt_id": name, "prompt": prompt} for name, prompt in PROMPTS.items()),
    )
    write_jsonl(
        folder / "responses.jsonl",
        (
            {"prompt_id": name, "response_id": response, "text": text}
            for name, texts in RESPONSES.items()
            for response, text in texts.items()
        ),
    )
    return "tasks", str(folder / "responses.jsonl"), "--prompts", str(folder / "prompts.jsonl")


def lines(rankings: Rankings) -> set[str]:
    """Each ballot as "prompt, annotator: a > b"; some have the same words."""
    full = Rankings.from_frame(rankings.to_frame())
    columns = full.columns()
    found: dict[tuple[Any, ...], dict[str, int]] = {}
    numbers = columns.get("ballot_id", itertools.repeat(0))
    names = ("prompt_id", "annotator_id", "response_id", "rank")
    for number, prompt, annotator, response, rank in zip(
        numbers, *(columns[name] for name in names), strict=False
    ):
        found.setdefault((number, prompt, annotator), {})[response] = int(rank)
    ballots = set()
    for (_, prompt, annotator), ranks in found.items():
        levels = [
            sorted(r for r in ranks if ranks[r] == level) for level in sorted(set(ranks.values()))
        ]
        ballots.add(f"{prompt}, {annotator}: " + " > ".join(" = ".join(one) for one in levels))
    return ballots
