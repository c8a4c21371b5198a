"""Models that come without a chat template: a conversation is a plain text of Human and Assistant."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from rlchf.constitution.revising import PLAIN_STOP, PLAIN_TEMPLATE, own_turn
from rlchf.train.candidates.config import DrawConfig
from rlchf.train.models.text import front_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Config = TypeVar("Config", bound=DrawConfig)


def with_template(tokenizer: "PreTrainedTokenizerBase") -> "PreTrainedTokenizerBase":
    """The tokenizer, or a copy with the plain template if it has no chat template.

    What the tokenizer puts in front of a text, such as a beginning-of-sequence token, the template writes.
    """
    if tokenizer.chat_template:
        return tokenizer
    with_one = deepcopy(tokenizer)
    front = tokenizer.decode(front_ids(tokenizer)).replace("'", r"\'")
    with_one.chat_template = (f"{{{{ '{front}' }}}}" if front else "") + PLAIN_TEMPLATE
    return with_one


def in_turns(
    tokenizer: "PreTrainedTokenizerBase", config: Config
) -> "tuple[PreTrainedTokenizerBase, Config, Callable[[str], str]]":
    """What one turn of a conversation is drawn with, whether the model has a chat template or not.

    Returns
    -------
    The tokenizer with a chat template, the settings with what ends a plain text's turn, and a function from
    what was drawn to the turn's text.
    """
    if tokenizer.chat_template:
        return tokenizer, config, str.strip
    ended = replace(config, stop_tokens=(*config.stop_tokens, PLAIN_STOP))
    return with_template(tokenizer), ended, own_turn
