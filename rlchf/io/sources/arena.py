"""Votes of the chatbot arenas: a visitor compares the answers of two models."""

import json
from typing import Any

from rlchf.io.files import shown
from rlchf.io.sources import Converted, Source
from rlchf.io.sources._records import Files, Record, text_id
from rlchf.parsing import json_value

TIES = ("tie",)
BOTH_BAD = ("both_bad", "bothbad", "tie (bothbad)", "tie(bothbad)", "tie (both bad)")
WINNERS = ("model_a", "model_b", *TIES, *BOTH_BAD, "tie(both bad)", "tie (both_bad)", "neither")

Messages = list[dict[str, str]]


def read(files: Files) -> Converted:
    """Make each vote a ballot on the last answers; both bad is a tie of two disapproved answers.

    Votes on the same conversation are on one prompt. The annotator is the ``judge``, where a vote has one.
    """
    converted = Converted()
    unnamed = 0
    for record in files.records("winner", "conversation_a", "conversation_b"):
        if not converted.is_new("votes that come twice", record.get("id")):
            continue
        winner = record.one_of("winner", WINNERS)
        sides = [_messages(converted, record, f"conversation_{side}") for side in "ab"]
        if not all(sides):
            continue
        (*context, first), (*other, second) = sides
        if not context or context != other or not first["role"] == second["role"] == "assistant":
            converted.drop("votes on conversations that differ before the last answer")
            continue
        if first["content"] == second["content"]:
            converted.drop("votes between two equal texts")
            continue
        _vote(converted, record, winner, context, (first["content"], second["content"]))
        unnamed += not record.has("judge")
    if unnamed == converted.n_ballots:
        converted.note = (
            "annotators are votes, not people: no vote has a judge, and sessions are not kept"
        )
    elif unnamed:
        votes = f"{unnamed:,} of {converted.n_ballots:,} votes"
        converted.note = f"{votes} have no judge, and are each an anonymous annotator's"
    return converted


def _vote(
    converted: Converted, record: Record, winner: str, context: Messages, texts: tuple[str, str]
) -> None:
    prompt_id = text_id(json.dumps(context, ensure_ascii=False))
    first, second = text_id(texts[0]), text_id(texts[1])
    prompt = context if len(context) > 1 else context[0]["content"]
    converted.prompt(prompt_id, prompt, language=record.get("language"))
    converted.response(prompt_id, first, texts[0], model=record.get("model_a"))
    converted.response(prompt_id, second, texts[1], model=record.get("model_b"))
    ranks = {first: 1 + (winner == "model_b"), second: 1 + (winner == "model_a")}
    judge = record.text("judge") if record.has("judge") else None
    bad = winner not in ("model_a", "model_b", *TIES)
    converted.ballot(
        prompt_id, judge, ranks=ranks, approvals={first: -1, second: -1} if bad else None
    )


def _messages(converted: Converted, record: Record, key: str) -> Messages:
    """The messages of a conversation; none, and counted, if one of them is no text."""
    value = record.need(key)
    if isinstance(value, str):
        try:
            value = json_value(value)
        except ValueError:
            raise record.error(
                f"{key} is {shown(value)}; there should be a list of messages"
            ) from None
    if not isinstance(value, list):
        raise record.error(f"{key} is {shown(value)}; there should be a list of messages")
    messages = []
    for message in value:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise record.error(f"{key} has the message {shown(message)}; there should be a role")
        text = _text(message.get("content"))
        if text is None:
            converted.drop("votes on conversations with a picture or an empty message")
            return []
        messages.append({"role": message["role"], "content": text})
    return messages


def _text(content: Any) -> str | None:
    """The text of a message, whose parts may be listed; None if a part is no text."""
    if isinstance(content, list):
        parts = [one.get("text") if isinstance(one, dict) else None for one in content]
        texts = [part for part in parts if isinstance(part, str) and part]
        content = "\n\n".join(texts) if len(texts) == len(parts) else None
    return content if isinstance(content, str) and content.strip() else None


SOURCE = Source(
    name="arena",
    title="Arena human preference, LMArena: 140,000 votes between the answers of two models",
    url="https://huggingface.co/datasets/lmarena-ai/arena-human-preference-140k",
    licence="CC BY 4.0 for prompts, terms of each model's provider for answers",
    shape="model_a, model_b, winner (model_a, model_b, tie or both_bad), conversation_a and "
    "conversation_b, lists of {role, content}; optional judge",
    ballots="each vote; both_bad is a tie of two disapproved answers",
    marks=("winner", "conversation_a", "conversation_b"),
    read=read,
    anonymous=True,
)
