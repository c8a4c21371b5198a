"""Prompts and responses as token ids: the one place that knows about chat templates and end tokens."""

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
    return [*ids, tokenizer.eos_token_id]
