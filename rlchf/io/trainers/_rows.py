"""What the rows of several trainers are made of."""

from collections.abc import Sequence
from typing import Any

from rlchf.io.trainers import Row
from rlchf.pairs import Pair, RankedResponses
from rlchf.prompts import Prompt

Message = dict[str, str]


def messages(prompt: Prompt) -> list[Message]:
    """A prompt as chat messages: a text is one message of the user.

    Examples
    --------
    >>> messages("Hi")
    [{'role': 'user', 'content': 'Hi'}]
    """
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    return [{"role": message["role"], "content": message["content"]} for message in prompt]


def answer(text: str) -> Message:
    """A response as a chat message."""
    return {"role": "assistant", "content": text}


def completion(prompt: Prompt, text: str) -> Any:
    """A response in the form of its prompt: text, or a list of one chat message."""
    return text if isinstance(prompt, str) else [answer(text)]


def numbers(row: Pair | RankedResponses, names: Sequence[str]) -> dict[str, float]:
    """Some of the numbers of a pair or a ranking by their names."""
    return {name: getattr(row, name) for name in names}


def preference_row(pair: Pair, names: Sequence[str]) -> Row:
    """``prompt``, ``chosen`` and ``rejected``, as text or as chat messages, and some numbers.

    Examples
    --------
    >>> preference_row(Pair("p", "Hi", "Hello!", "No.", margin=2.0), ["margin"])
    {'prompt': 'Hi', 'chosen': 'Hello!', 'rejected': 'No.', 'margin': 2.0}
    """
    return {
        "prompt": pair.prompt if isinstance(pair.prompt, str) else messages(pair.prompt),
        "chosen": completion(pair.prompt, pair.chosen),
        "rejected": completion(pair.prompt, pair.rejected),
        **numbers(pair, names),
    }


def preference_rows(pairs: Sequence[Pair], names: Sequence[str]) -> list[Row]:
    """A `preference_row` for each pair."""
    return [preference_row(pair, names) for pair in pairs]


def split_system(prompt: Prompt) -> tuple[str, list[Message]]:
    """The system message that a prompt begins with, or empty text, and the messages after it.

    Examples
    --------
    >>> split_system([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])
    ('Be brief.', [{'role': 'user', 'content': 'Hi'}])
    """
    listed = messages(prompt)
    if listed[0]["role"] == "system":
        return listed[0]["content"], listed[1:]
    return "", listed
