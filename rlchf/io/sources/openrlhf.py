"""Preference rows of OpenRLHF and trainers like it: a chosen and a rejected response."""

from typing import Any

from rlchf.io.chats import is_message
from rlchf.io.files import shown
from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, text_id
from rlchf.prompts import Prompt


def read(
    files: Files,
    *,
    prompt: str = "prompt",
    chosen: str = "chosen",
    rejected: str = "rejected",
    annotator: str = "",
    split: str = "",
) -> Converted:
    """Make each row a ballot; a margin is its strength.

    Without a column for the prompt, chat messages that both sides begin with are the prompt. Plain texts are
    split after the last ``split`` of both, if that is given; otherwise the prompt is empty.
    """
    converted = Converted()
    for record in files.records(chosen, rejected):
        question, texts = _texts(record, prompt, (chosen, rejected), split)
        if texts[0] == texts[1]:
            converted.drop("rows whose two responses are equal")
            continue
        prompt_id = text_id(repr(question)) if question else text_id(*sorted(texts))
        ids = text_id(texts[0]), text_id(texts[1])
        converted.prompt(prompt_id, question)
        for response, text in zip(ids, texts, strict=True):
            converted.response(prompt_id, response, text)
        person = record.text(annotator) if annotator else None
        if person is not None:
            converted.annotator(person)
        strength = record.number("margin") if record.has("margin") else None
        if strength is not None and strength < 0:
            converted.drop("margins below 0")
            strength = None
        converted.ballot(prompt_id, person, ranks={ids[0]: 1, ids[1]: 2}, strength=strength)
    if not annotator:
        converted.note = (
            "rows name no annotators, so that each row of a prompt is an annotator of its own"
        )
    return converted


def _texts(
    record: Record, prompt: str, keys: tuple[str, str], split: str
) -> tuple[Prompt, tuple[str, str]]:
    """The prompt and the two responses of a row."""
    sides = record.need(keys[0]), record.need(keys[1])
    if all(isinstance(side, str) for side in sides):
        if record.has(prompt):
            return _prompt(record, prompt), sides
        return _split(record, keys, sides, split) if split else ("", sides)
    first, second = (_messages(record, key) for key in keys)
    if record.has(prompt):
        before = _prompt(record, prompt)
        if len(first) == len(second) == 1:
            return before, (first[0]["content"], second[0]["content"])
        shared = before if isinstance(before, list) else [{"role": "user", "content": before}]
        if first[:-1] == second[:-1] == shared:
            return before, (first[-1]["content"], second[-1]["content"])
        raise record.error(
            f"{keys[0]} and {keys[1]} have several messages, which are not those of {prompt}; give one "
            "message each, or the conversation and one more"
        )
    if first[:-1] != second[:-1] or len(first) < 2:
        raise record.error(
            f"{keys[0]} and {keys[1]} should be one conversation with different last messages"
        )
    return first[:-1], (first[-1]["content"], second[-1]["content"])


def _split(
    record: Record, keys: tuple[str, str], sides: tuple[str, str], split: str
) -> tuple[str, tuple[str, str]]:
    parts = [side.rpartition(split) for side in sides]
    if parts[0][:2] != parts[1][:2] or not parts[0][1]:
        raise record.error(
            f"{keys[0]} and {keys[1]} should begin alike, up to their last {split!r}; leave -o split out, or "
            "give a column for the prompt"
        )
    return parts[0][0] + split, (parts[0][2].strip(), parts[1][2].strip())


def _prompt(record: Record, key: str) -> Any:
    value = record.need(key)
    return value if isinstance(value, str) else _messages(record, key)


def _messages(record: Record, key: str) -> list[dict[str, str]]:
    """Chat messages, with their roles and contents alone."""
    value = record.need(key)
    if not isinstance(value, list) or not all(map(is_message, value)):
        raise record.error(
            f"{key} is {shown(value)}; there should be text, in all columns, or chat messages"
        )
    return [{"role": one["role"], "content": one["content"]} for one in value]


SOURCE = Source(
    name="openrlhf",
    title="OpenRLHF: rows of a chosen and a rejected response",
    url="https://github.com/OpenRLHF/OpenRLHF",
    licence="that of the data",
    shape="chosen and rejected, each text or chat messages, optional prompt and margin",
    ballots="each row: chosen is better than rejected; the margin is the strength",
    marks=("chosen", "rejected"),
    read=read,
    options={
        "prompt": "the column of the prompt (default prompt)",
        "chosen": "the column of the better response (default chosen)",
        "rejected": "the column of the worse response (default rejected)",
        "annotator": "a column with the annotator's id, if there is one",
        "split": "what stands before the response in texts that begin with the prompt",
    },
    anonymous=True,
)
