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


def with_text_before(prompt: Prompt, text: str) -> Prompt:
    """A prompt with a text before its own; in a conversation, before the first user's message.

    Examples
    --------
    >>> with_text_before("Hi", "Be brief.")
    'Be brief.\\n\\nHi'
    """
    if isinstance(prompt, str):
        return f"{text}\n\n{prompt}"
    user = next((i for i, message in enumerate(prompt) if message["role"] == "user"), 0)
    changed = {**prompt[user], "content": f"{text}\n\n{prompt[user]['content']}"}
    return [*prompt[:user], changed, *prompt[user + 1 :]]


def with_system(prompt: Prompt, system: str) -> Sequence[dict[str, str]]:
    """A conversation with a system prompt, behind the one that it has.

    Examples
    --------
    >>> with_system("Hi", "Be brief.")
    [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Hi'}]
    """
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    before = ""
    if messages[0]["role"] == "system":
        before, messages = messages[0]["content"] + "\n\n", messages[1:]
    return [{"role": "system", "content": before + system}, *map(dict, messages)]
