"""Prompts and responses as token ids, with chat templates and end tokens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlchf.prompts import Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def prompt_ids(tokenizer: "PreTrainedTokenizerBase", prompt: Prompt) -> list[int]:
    """Encode a prompt up to the point where the response begins.

    With a chat template, the prompt is a conversation (plain text becomes one user message) followed by the
    header of the assistant's turn; without one, it is plain text as it is.

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


def response_ids(tokenizer: "PreTrainedTokenizerBase", response: str) -> list[int]:
    """Encode a finished response, closed by the end-of-sequence token."""
    ids = list(tokenizer(response, add_special_tokens=False)["input_ids"])
    return [*ids, _end(tokenizer)]


def encode_responses(
    tokenizer: "PreTrainedTokenizerBase", prompt: Prompt, responses: Sequence[str], max_length: int
) -> tuple[list[list[int]], int]:
    """Token ids of a prompt with each of its finished responses, and the number of rows that were too long.

    Rows are truncated on the left: they lose the prompt's beginning first and, if the response alone is too
    long, the response's beginning, but never its end. An encoder's classification token stays in front.
    """
    cls = [] if tokenizer.cls_token_id is None else [tokenizer.cls_token_id]
    prompt_part = prompt_ids(tokenizer, prompt)
    texts = tokenizer(list(responses), add_special_tokens=False)["input_ids"] if responses else []
    rows = [[*prompt_part, *text, _end(tokenizer)] for text in texts]
    longest = max(max_length - len(cls), 1)
    return [cls + row[-longest:] for row in rows], sum(len(row) > longest for row in rows)


def _end(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Id of the end-of-sequence token, or of the separator of an encoder."""
    eos = tokenizer.eos_token_id
    return int(tokenizer.sep_token_id if eos is None else eos)
