"""Community Alignment: people choose one of four answers, in up to four turns."""

import json
from typing import Any, Literal

from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, text_id

TURNS = ("first", "second", "third", "fourth")
LETTERS = "abcd"
END = "<|end_of_text|>"
FEATURES = ("age", "gender", "education_level", "political", "ethnicity", "country")


def read(files: Files, *, turns: Literal["all", "first"] = "all") -> Converted:
    """Make each choice of a turn a ballot: the answer chosen above all others, which are tied.

    Turns with the same conversation so far and the same answers are one prompt.
    """
    converted = Converted()
    for record in files.records("annotator_id", "first_turn_prompt"):
        annotator = record.text("annotator_id")
        if not converted.is_new("conversations that come twice", record.get("conversation_id")):
            continue
        features = {name: record.get(f"annotator_{name}") for name in FEATURES}
        converted.annotator(annotator, **features)
        history: list[dict[str, str]] = []
        unbroken = True
        for turn in TURNS if turns == "all" else TURNS[:1]:
            chosen = record.get(f"{turn}_turn_preferred_response")
            if not unbroken:
                converted.drop("choices after a turn without a choice", chosen is not None)
                continue
            history = _turn(converted, record, turn, annotator, history)
            unbroken = bool(history)
    return converted


def _turn(
    converted: Converted, record: Record, turn: str, annotator: str, history: list[dict[str, str]]
) -> list[dict[str, str]]:
    """Add the ballot of a turn; the conversation after it, empty if it does not go on."""
    choice = f"{turn}_turn_preferred_response"
    question = record.get(f"{turn}_turn_prompt")
    if question is None or not record.has(choice):
        converted.drop("choices without a prompt", record.has(choice))
        converted.drop("turns without a choice", question is not None)
        return []
    converted.drop("reasons in words", record.has(f"{turn}_turn_feedback"))
    texts = {letter: _answer(record, turn, letter) for letter in LETTERS}
    chosen = texts[record.one_of(choice, [*(f"response_{one}" for one in LETTERS), *LETTERS])[-1]]
    messages = [*history, {"role": "user", "content": str(question)}]
    different = dict.fromkeys(text for text in texts.values() if text)
    if not chosen or len(different) < 2:
        converted.drop("choices without two different answers")
    else:
        _add(converted, record, annotator, messages, list(different), chosen)
    return [*messages, {"role": "assistant", "content": chosen}] if chosen else []


def _add(
    converted: Converted,
    record: Record,
    annotator: str,
    messages: list[dict[str, str]],
    texts: list[str],
    chosen: str,
) -> None:
    ids = {text: text_id(text) for text in texts}
    prompt_id = text_id(json.dumps(messages, ensure_ascii=False), *sorted(texts))
    pregenerated: Any = record.get("is_pregenerated_first_prompt")
    converted.prompt(
        prompt_id,
        messages if len(messages) > 1 else messages[0]["content"],
        language=record.get("assigned_lang"),
        pregenerated=pregenerated,
    )
    for text, response in ids.items():
        converted.response(prompt_id, response, text)
    ranks = {response: 1 if text == chosen else 2 for text, response in ids.items()}
    converted.ballot(prompt_id, annotator, ranks=ranks)


def _answer(record: Record, turn: str, letter: str) -> str:
    text = record.get(f"{turn}_turn_response_{letter}")
    return "" if text is None else str(text).removesuffix(END).strip()


SOURCE = Source(
    name="community_alignment",
    title="Community Alignment, Meta: over 200,000 choices among four answers by over 3,500 people in "
    "five countries",
    url="https://huggingface.co/datasets/facebook/community-alignment-dataset",
    licence="CC BY 4.0",
    shape="one row per conversation with annotator_id, assigned_lang, annotator_age, ..., and for each of "
    "first, second, third, fourth: first_turn_prompt, first_turn_response_a to _d, "
    "first_turn_preferred_response",
    ballots="each choice: the answer chosen above the others, which are tied",
    marks=("annotator_id", "first_turn_prompt", "first_turn_preferred_response"),
    read=read,
    options={"turns": "all, or first: the turns that many annotators share"},
)
