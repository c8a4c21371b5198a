"""Models that come without a chat template: a conversation is a plain text of Human and Assistant."""

from copy import deepcopy
from typing import TYPE_CHECKING

from rlchf.constitution.revising import PLAIN_TEMPLATE
from rlchf.train.models.text import front_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


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
