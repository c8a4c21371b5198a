"""Prompts and responses as token ids, with chat templates and end tokens."""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from rlchf.prompts import Prompt, with_system, with_text_before
from rlchf.train.models.chat_templates import TemplateProblemError, rendered

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def front_ids(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Ids of the special tokens that the tokenizer puts in front of a text."""
    plain = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    whole = list(tokenizer("a")["input_ids"])
    starts = (n for n in range(len(whole)) if whole[n : n + len(plain)] == plain)
    return whole[: next(starts, 0)]


def text_front(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Ids that the tokenizer puts in front of a prompt; none if it has a chat template."""
    return [] if tokenizer.chat_template else front_ids(tokenizer)


def prompt_ids(
    tokenizer: "PreTrainedTokenizerBase", prompt: Prompt, front: Sequence[int] | None = None
) -> list[int]:
    """Encode a prompt up to the point where the response begins.

    With a chat template, the prompt is a conversation (plain text becomes one user message) followed by the
    header of the assistant's turn, and the template alone decides about special tokens. Without one, it is
    plain text behind what the tokenizer puts in front of a text, unless it begins with that already.
    `front` is what `front_ids` returns, for a caller who encodes many prompts.

    Raises
    ------
    ValueError
        If the prompt is a conversation and the tokenizer has no chat template, or one that refuses it.
    """
    if tokenizer.chat_template:
        messages = (
            [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
        )
        text = _in_template(tokenizer, messages)
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    if not isinstance(prompt, str):
        raise ValueError(
            "the prompt is a list of chat messages, but the tokenizer has no chat template; "
            "give prompts as plain text or choose a chat model"
        )
    ids = list(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    front = list(front_ids(tokenizer) if front is None else front)
    return ids if ids[: len(front)] == front else front + ids


def _in_template(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Mapping[str, str]]
) -> str:
    """A conversation in the chat template, with the header of the assistant's turn.

    A template without system messages gets the first one as the beginning of the user's message.
    """
    try:
        return rendered(tokenizer, messages, header=True)
    except TemplateProblemError as error:
        problem = error
    if messages[0]["role"] == "system" and len(messages) > 1:
        with suppress(TemplateProblemError):
            moved = with_text_before(messages[1:], messages[0]["content"])
            assert not isinstance(moved, str)
            text = rendered(tokenizer, moved, header=True)
            warnings.warn(
                f"the chat template refuses system messages ({problem}), so their text stands at the "
                "beginning of the user's message",
                stacklevel=4,
            )
            return text
    raise ValueError(
        f"the tokenizer's chat template refuses the prompt ({problem}); give messages in the order that the "
        "template takes, which often is user and assistant in turn"
    )


def takes_system(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the chat template has a place for a system prompt; a warning says if not."""
    if not tokenizer.chat_template:
        problem = "has no chat template"
    else:
        marker = "Answer in verse."
        try:
            text = rendered(tokenizer, with_system("Hi", marker), header=True)
        except TemplateProblemError:
            text = ""
        if marker in text:
            return True
        problem = "has a chat template without system prompts"
    warnings.warn(
        f"the policy {problem}, so system prompts stand before the prompt's text", stacklevel=3
    )
    return False


def response_ids(
    tokenizer: "PreTrainedTokenizerBase", response: str, end: int | None = None
) -> list[int]:
    """Encode a finished response, closed by an end token: `end`, or the tokenizer's own."""
    ids = list(tokenizer(response, add_special_tokens=False)["input_ids"])
    return [*ids, _end(tokenizer) if end is None else end]


def encode_responses(
    tokenizer: "PreTrainedTokenizerBase",
    prompt: Prompt,
    responses: Sequence[str],
    max_length: int,
    front: Sequence[int] | None = None,
) -> tuple[list[list[int]], int]:
    """Token ids of a prompt with each of its finished responses, and the number of rows that were too long.

    Rows are truncated on the left: they lose the prompt's beginning first and, if the response alone is too
    long, the response's beginning, but never its end. What the tokenizer puts in front of a plain text stays
    in front, and so does an encoder's classification token. `front` is what `text_front` returns, for a
    caller who encodes many prompts.
    """
    front = list(text_front(tokenizer) if front is None else front)
    prompt_part = prompt_ids(tokenizer, prompt, front)[len(front) :]
    if tokenizer.cls_token_id is not None:
        front = [tokenizer.cls_token_id]
    texts = tokenizer(list(responses), add_special_tokens=False)["input_ids"] if responses else []
    rows = [[*prompt_part, *text, _end(tokenizer)] for text in texts]
    longest = max(max_length - len(front), 1)
    return [front + row[-longest:] for row in rows], sum(len(row) > longest for row in rows)


def remedy(length: int, max_length: int, positions: int | None) -> str:
    """What would keep texts whole that are longer than ``length`` tokens: more positions, or max_length.

    Examples
    --------
    >>> remedy(64, 512, 64)
    'max_length is 512, but the model has 64 positions; one with more, or shorter texts, would keep'
    >>> remedy(16, 16, 64)
    'a larger max_length would keep'
    """
    if positions is None or length < positions:
        return "a larger max_length would keep"
    return (
        f"max_length is {max_length}, but the model has {positions} positions; one with more, or shorter "
        "texts, would keep"
    )


def _end(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Id of the end-of-sequence token, or of the separator of an encoder."""
    eos = tokenizer.eos_token_id
    end = tokenizer.sep_token_id if eos is None else eos
    if end is None:
        raise ValueError("the tokenizer has no end-of-sequence token; set tokenizer.eos_token")
    return int(end)
