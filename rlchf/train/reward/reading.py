"""How a reward model that was trained elsewhere reads a prompt and a response."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rlchf.prompts import Prompt
from rlchf.train.models.chat_templates import TemplateProblemError, rendered
from rlchf.train.models.text import encode_responses
from rlchf.train.reward.backbone import positions_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

UNLIMITED = 4096
"""Tokens that a model reads that states no limit."""
PLACEHOLDER = 10**7
"""Limits from here on are none: tokenizers state such numbers when they know none."""


class Row(NamedTuple):
    """A text as token ids, and the kind of each token where the tokenizer tells two texts apart."""

    ids: list[int]
    kinds: list[int] | None = None


def length_limit(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    """The largest number of tokens that a model and its tokenizer were made for."""
    text_config = model.config.get_text_config()
    limits = [
        positions_of(model)[1],
        *(getattr(text_config, name, None) for name in ("max_position_embeddings", "max_seq_len")),
        tokenizer.model_max_length,
    ]
    stated = [int(limit) for limit in limits if limit is not None and 1 < limit < PLACEHOLDER]
    return min(stated, default=UNLIMITED)


def card_rows(
    tokenizer: "PreTrainedTokenizerBase", prompt: Prompt, responses: Sequence[str], max_length: int
) -> tuple[list[Row], int]:
    """A prompt with each of its responses as the tokenizer joins them, and the number that were too long.

    With a chat template, that is the whole conversation, without a further end token. An encoder's
    tokenizer takes question and answer as a pair, with its separator between them. Otherwise it is plain
    text with the end token, which trainers of such models add as well.

    Rows that are too long lose the beginning of the prompt, but not the tokenizer's first token.
    """
    if tokenizer.chat_template:
        texts = [_conversation(tokenizer, prompt, response) for response in responses]
        rows = [Row(list(ids)) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
        return [_cut(row, tokenizer, max_length) for row in rows], _too_long(rows, max_length)
    if None in (tokenizer.cls_token_id, tokenizer.sep_token_id):
        encoded, cut = encode_responses(tokenizer, prompt, responses, max_length)
        return [Row(ids) for ids in encoded], cut
    question = _question(prompt)
    pairs = [_pair(tokenizer, question, response, max_length) for response in responses]
    return [row for row, _ in pairs], sum(cut for _, cut in pairs)


def _conversation(tokenizer: "PreTrainedTokenizerBase", prompt: Prompt, response: str) -> str:
    before = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
    messages = [*before, {"role": "assistant", "content": response}]
    try:
        return rendered(tokenizer, messages)
    except TemplateProblemError as error:
        raise ValueError(
            f"the reward model's chat template refuses a conversation ({error}); give prompts as it takes "
            "them, or another reward model"
        ) from None


def _question(prompt: Prompt) -> str:
    if isinstance(prompt, str):
        return prompt
    if len(prompt) == 1:
        return prompt[0]["content"]
    raise ValueError(
        "the prompt is a list of several chat messages, but the reward model reads pairs of a question and "
        "an answer; give prompts as plain text, or choose a chat model"
    )


def _cut(row: Row, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> Row:
    if len(row.ids) <= max_length:
        return row
    first = row.ids[:1] if row.ids[0] == tokenizer.bos_token_id else []
    return Row(first + row.ids[len(row.ids) - max_length + len(first) :])


def _too_long(rows: Sequence[Row], max_length: int) -> int:
    return sum(len(row.ids) > max_length for row in rows)


def _pair(
    tokenizer: "PreTrainedTokenizerBase", question: str, answer: str, max_length: int
) -> tuple[Row, bool]:
    """A question and an answer as a pair, and whether it was too long."""
    encoding = tokenizer(question, answer)
    ids, kinds = encoding["input_ids"], encoding.get("token_type_ids")
    excess = len(ids) - max_length
    if excess <= 0:
        return Row(ids, kinds), False
    # Tokens of the question go first, from its beginning, and those of the answer next.
    parts = encoding.sequence_ids() if encoding.is_fast else [None, *[0] * (len(ids) - 1)]
    droppable = [i for part in (0, 1) for i, each in enumerate(parts) if each == part]
    dropped = set(droppable[:excess])
    kept = [i for i in range(len(ids)) if i not in dropped]
    return Row([ids[i] for i in kept], kinds and [kinds[i] for i in kept]), True
