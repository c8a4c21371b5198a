"""What ends a response: end tokens, stop tokens and stop texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlchf.train.models.adapters import inside_adapters
from rlchf.train.models.chat_templates import TemplateProblemError, rendered

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

StopTokens = Sequence[str | int]
"""Stop tokens by their ids, or texts: a text of one token is that token, a longer one is a stop text."""


@dataclass(frozen=True)
class Ends:
    """What ends a response.

    Attributes
    ----------
    tokens
        Ids of the tokens that end it.
    texts
        Texts that end it where one of them first appears in it; none of them is a single token.
    """

    tokens: list[int]
    texts: tuple[str, ...] = ()


def ends_of(
    tokenizer: "PreTrainedTokenizerBase",
    model: "PreTrainedModel | None" = None,
    stop_tokens: StopTokens = (),
) -> Ends:
    """What ends a response: the tokenizer's end token, those of the model's checkpoint, and the stop tokens.

    The end tokens of a checkpoint are those in its ``generation_config``: a chat model often closes its
    turn by another token than its tokenizer's.

    Raises
    ------
    ValueError
        If there is no end token, a stop token is not in the vocabulary, or a stop text is empty or
        contains a special token, which no text shows.
    """
    ends = [] if tokenizer.eos_token_id is None else [int(tokenizer.eos_token_id)]
    ends += [i for i in checkpoint_ends(model) if i not in ends]
    if not ends:
        raise ValueError("the tokenizer has no end-of-sequence token; set tokenizer.eos_token")
    texts: list[str] = []
    for token in stop_tokens:
        if isinstance(token, str):
            ids = list(tokenizer(token, add_special_tokens=False)["input_ids"])
            if len(ids) != 1:
                _check_text(tokenizer, token, ids)
                texts.append(token)
                continue
            token = ids[0]
        elif not 0 <= token < len(tokenizer):
            raise ValueError(
                f"stop_tokens: {token} is no token; the vocabulary has ids up to {len(tokenizer) - 1}"
            )
        ends += [token] if token not in ends else []
    return Ends(ends, tuple(dict.fromkeys(texts)))


def end_ids(
    tokenizer: "PreTrainedTokenizerBase",
    stop_tokens: StopTokens = (),
    model: "PreTrainedModel | None" = None,
) -> list[int]:
    """Ids of the tokens that end a response; see `ends_of`."""
    return ends_of(tokenizer, model, stop_tokens).tokens


def checkpoint_ends(model: "PreTrainedModel | None") -> list[int]:
    """The end tokens in the ``generation_config`` of a model's checkpoint, of which it has embeddings."""
    plain: Any = inside_adapters(model)
    named = getattr(getattr(plain, "generation_config", None), "eos_token_id", None)
    ids = named if isinstance(named, list | tuple) else [] if named is None else [named]
    return [int(i) for i in ids if 0 <= int(i) < plain.get_input_embeddings().num_embeddings]


def closing_token(
    tokenizer: "PreTrainedTokenizerBase", model: "PreTrainedModel | None" = None
) -> int:
    """The end token that supervised fine-tuning writes behind a response.

    It is the end token with which the chat template closes an assistant's message, if it is one of the
    checkpoint's; otherwise the tokenizer's end token.
    """
    ends = end_ids(tokenizer, model=model)
    closing = _closing_of_template(tokenizer) if len(ends) > 1 else None
    return closing if closing in ends else ends[0]


def _closing_of_template(tokenizer: "PreTrainedTokenizerBase") -> int | None:
    """The token that follows an assistant's message in the chat template."""
    if not tokenizer.chat_template:
        return None
    marker = "An answer."
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": marker}]
    try:
        text = rendered(tokenizer, turns)
    except TemplateProblemError:
        return None
    after = text.rpartition(marker)[2]
    return next(iter(tokenizer(after, add_special_tokens=False)["input_ids"]), None)


def _check_text(tokenizer: "PreTrainedTokenizerBase", text: str, ids: Sequence[int]) -> None:
    if not text:
        raise ValueError(
            "stop_tokens: '' is no text; give texts that appear in a response, or ids of tokens"
        )
    special = [i for i in ids if i in tokenizer.all_special_ids]
    if special:
        raise ValueError(
            f"stop_tokens: {text!r} contains the special token {tokenizer.decode(special[:1])!r}, which the "
            "text of a response does not show; give that token alone"
        )
