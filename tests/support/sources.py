"""Fixtures of sources, and what is read from them."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from rlchf.io.sources import Converted, read_source
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


def ballot_lines(converted: Converted) -> list[str]:
    """Each ballot as "prompt, annotator: a > b = c"."""
    rankings = Rankings.from_frame(converted.columns())
    return [line.strip() for line in repr(rankings).splitlines()[1:]]


def approvals(converted: Converted) -> dict[str, dict[str, int]]:
    columns = converted.columns()
    found: dict[str, dict[str, int]] = {}
    for annotator, response, approval in zip(
        *(columns[name] for name in ("annotator_id", "response_id", "approval")), strict=True
    ):
        found.setdefault(annotator, {})[response] = approval
    return found
