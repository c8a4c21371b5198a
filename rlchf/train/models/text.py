"""Prompts and responses as token ids: the one place that knows about chat templates and end tokens."""

from collections.abc import Sequence
from typing import Any

from rlchf.prompts import Prompt


def prompt_ids(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Encode a prompt up to the point where the response begins.

    A tokenizer with a chat template sees the prompt as a conversation (plain text becomes one user
    message) followed by the header of the assistant's turn; one without sees plain text as it is.

    Raises
    ------
    ValueError
        If the prompt is a conversation and the tokenizer has no chat template.
    """
    if tokenizer.chat_template:
        messages = (
            [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
        )
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    elif isinstance(prompt, str):
        text = prompt
    else:
        raise ValueError(
            "the prompt is a list of chat messages, but the tokenizer has no chat template; "
            "give prompts as plain text or choose a chat model"
        )
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def response_ids(tokenizer: Any, response: str) -> list[int]:
    """Encode a finished response, closed by the end-of-sequence token."""
    ids = list(tokenizer(response, add_special_tokens=False)["input_ids"])
    return [*ids, _end(tokenizer)]


def encode_responses(
    tokenizer: Any, prompt: Prompt, responses: Sequence[str], max_length: int
) -> tuple[list[list[int]], int]:
    """Token ids of a prompt with each of its finished responses, and how many rows were too long.

    What is too long goes from the left: first the prompt's beginning and, if the response alone is
    too long, then its own; never its end. An encoder's classification token stays in front.
    """
    begin = [] if tokenizer.cls_token_id is None else [tokenizer.cls_token_id]
    ids = prompt_ids(tokenizer, prompt)
    ends = tokenizer(list(responses), add_special_tokens=False)["input_ids"] if responses else []
    whole = [[*ids, *end, _end(tokenizer)] for end in ends]
    room = max(max_length - len(begin), 1)
    return [begin + row[-room:] for row in whole], sum(len(row) > room for row in whole)


def encode(tokenizer: Any, prompt: Prompt, response: str, max_length: int) -> list[int]:
    """Token ids of a prompt and its finished response; what is too long goes from the left."""
    return encode_responses(tokenizer, prompt, [response], max_length)[0][0]


def _end(tokenizer: Any) -> int:
    """The end-of-sequence token, or what encoders have in its place."""
    end = tokenizer.eos_token_id
    return int(tokenizer.sep_token_id if end is None else end)
