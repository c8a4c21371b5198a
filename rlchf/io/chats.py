"""Prompts in files: text or chat messages, in the form that chat templates take."""

import warnings
from collections.abc import Mapping
from typing import Any

from rlchf.io.files import shown
from rlchf.options import meant
from rlchf.prompts import Prompt, question

ROLES = ("system", "user", "assistant", "tool")
OTHER_ROLES = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "developer": "system",
    "function": "tool",
    "observation": "tool",
}
"""What other formats call the roles."""
SHAREGPT = "write role for from (user for human, assistant for gpt), and content for value"


def is_message(message: Any) -> bool:
    """Whether a value of a JSON file is a chat message."""
    keys = ("role", "content")
    return isinstance(message, dict) and all(isinstance(message.get(key), str) for key in keys)


def check_prompt(prompt: Any, line: str, *, any_role: bool = False) -> Prompt:
    """Refuse a value of a JSON file that is neither text nor a list of chat messages.

    Parameters
    ----------
    line
        The name of the line, with which messages begin.
    any_role
        Whether roles may be others than `ROLES`, as in data of other projects.

    Raises
    ------
    ValueError
        If it is neither, or a message has an unknown role.

    Examples
    --------
    >>> check_prompt([{"role": "human", "content": "Hi"}], "prompts.jsonl, line 1")
    Traceback (most recent call last):
    ...
    ValueError: prompts.jsonl, line 1: the role of a chat message is 'human'; write user
    """
    if isinstance(prompt, str):
        return prompt
    messages = prompt if isinstance(prompt, list) else []
    for message in messages:
        problem = _problem(message, any_role)
        if problem:
            raise ValueError(f"{line}: {problem}")
    if not messages:
        raise ValueError(f"{line}: the prompt is {shown(prompt)}; give text or chat messages")
    return messages


def _problem(message: Any, any_role: bool) -> str:
    """What is wrong with a chat message; empty if nothing is."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        is_sharegpt = isinstance(message, dict) and {"from", "value"} <= set(message)
        hint = SHAREGPT if is_sharegpt else 'give {"role": ..., "content": ...}'
        return f"a chat message is {shown(message)}; {hint}"
    role = message["role"]
    if "content" not in message:
        return f'a chat message is {shown(message)}; give {{"role": ..., "content": ...}}'
    if not isinstance(message["content"], str):
        content = message["content"]
        return (
            f"the content of a chat message of the {role} is {shown(content)}; it must be text, such as "
            '"content": "Hi"'
        )
    if any_role or role in ROLES:
        return ""
    known = f"choose from {', '.join(ROLES)}"
    other = OTHER_ROLES.get(role.lower())
    return (
        f"the role of a chat message is {shown(role)}; "
        f"{f'write {other}' if other else meant(role, ROLES) or known}"
    )


def shape_hint(record: Mapping[str, Any]) -> str:
    """How the conversation of a line without a key ``prompt`` is written as one; empty if it has none.

    Examples
    --------
    >>> shape_hint({"messages": []})
    '; write the messages before the response as "prompt": [{"role": "user", "content": ...}]'
    """
    for name in ("conversations", "conversation", "messages"):
        if name in record:
            said = f'; write the {name} before the response as "prompt": '
            first = next(iter(record[name]), None) if isinstance(record[name], list) else None
            is_sharegpt = isinstance(first, dict) and "from" in first
            return f'{said}[{{"role": "user", "content": ...}}]{f" ({SHAREGPT})" if is_sharegpt else ""}'
    return ""


def warn_of_prompts(prompts: Mapping[str, Prompt], source: str) -> None:
    """Warn of prompts that are blank, and of conversations that end with a message of the assistant.

    Parameters
    ----------
    prompts
        Each prompt by its name in messages.
    """
    blank = [name for name, prompt in prompts.items() if not question(prompt).strip()]
    answered = [
        name
        for name, prompt in prompts.items()
        if not isinstance(prompt, str) and prompt[-1]["role"] == "assistant"
    ]
    for names, problem in (
        (blank, "blank, so that a response answers nothing"),
        (
            answered,
            "conversations that end with a message of the assistant, so that a response is its second one "
            "in turn",
        ),
    ):
        if names:
            warnings.warn(
                f"{source}: {len(names)} of {len(prompts)} prompts, such as {names[0]}, are {problem}; "
                "correct them, or leave them out",
                stacklevel=4,
            )
