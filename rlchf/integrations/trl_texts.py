"""Prompts and completions in the forms of TRL, as the texts that rewards read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rlchf.prompts import Prompt


def prompt_of(prompt: Any) -> Prompt:
    """A prompt of TRL, in which a message's text may be a list of parts; equal ones print equally."""
    if isinstance(prompt, str):
        return prompt
    known = [
        {key: value for key, value in sorted(message.items()) if value is not None}
        for message in prompt
    ]
    return [message | {"content": _content(message, "a prompt")} for message in known]


def text_of(completion: Any, row: int) -> str:
    """The text of a completion: plain, or one message of the assistant."""
    if isinstance(completion, str):
        return completion
    messages = list(completion)
    if len(messages) != 1:
        roles = ", ".join(str(message.get("role")) for message in messages) or "none"
        raise ValueError(
            f"completion {row} has {len(messages)} messages ({roles}); a reward reads one text, so train "
            "without tools, or give a reward function of your own"
        )
    return _content(messages[0], f"completion {row}")


def _content(message: Mapping[str, Any], what: str) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [None]
    values = [part.get("text") if isinstance(part, Mapping) else None for part in parts]
    texts = [text for text in values if isinstance(text, str)]
    if len(texts) < len(values):
        raise ValueError(
            f"{what} has a message of the {message.get('role')} without text; rewards read text only"
        )
    return "".join(texts)


def key_of(prompt: Prompt) -> str:
    """What tells prompts apart: equal ones have equal keys."""
    return prompt if isinstance(prompt, str) else json.dumps(prompt, sort_keys=True, default=str)


def check_groups(prompts: Sequence[Prompt]) -> None:
    """Refuse a batch in which no prompt has several completions."""
    if prompts and len({key_of(prompt) for prompt in prompts}) == len(prompts):
        raise ValueError(
            "the completions of a prompt are compared, but every prompt has one; set num_generations, and "
            "num_generations_eval, to 2 or more"
        )
