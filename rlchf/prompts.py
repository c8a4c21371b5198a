"""What a prompt is."""

from collections.abc import Mapping, Sequence

Prompt = str | Sequence[Mapping[str, str]]
"""Plain text, or chat messages ``[{"role": ..., "content": ...}, ...]``."""


def question(prompt: Prompt) -> str:
    """The text of a prompt, or that of its last message.

    Examples
    --------
    >>> question([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi!"}])
    'Hi!'
    """
    return prompt if isinstance(prompt, str) else prompt[-1]["content"]
