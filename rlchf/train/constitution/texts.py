"""The texts of supervised fine-tuning as token ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from torch.utils.data import Dataset

from rlchf.prompts import Prompt
from rlchf.train.models.supervised import Encoded
from rlchf.train.models.text import front_ids, prompt_ids, response_ids
from rlchf.train.ppo.prompts import without_beginning

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Kind = Literal["revision", "helpful"]


@dataclass(frozen=True)
class Text:
    """A prompt and a response to be learned.

    Attributes
    ----------
    kind
        Whether it is a revision or a helpful sample.
    finished
        Whether the response ended by itself; one that was cut off is learned without an end token.
    """

    prompt: Prompt
    response: str
    kind: Kind = "revision"
    finished: bool = True


class EncodedTexts(Dataset[Encoded]):
    """Prompts with their responses, tokenised once before the training.

    Index ``n + i`` is text ``i`` without a response; it fills up a last batch that processes share.

    Parameters
    ----------
    end
        The token that ends a response.
    max_length
        Maximum number of tokens of both together.

    Attributes
    ----------
    kinds
        The kind of each text that was kept.
    truncated
        Number of texts whose prompt was too long and lost its beginning.
    left_out
        Number of texts whose response alone was too long.
    """

    def __init__(
        self, texts: Sequence[Text], tokenizer: "PreTrainedTokenizerBase", end: int, max_length: int
    ) -> None:
        self.items: list[Encoded] = []
        self.kinds: list[Kind] = []
        self.truncated = self.left_out = 0
        front = front_ids(tokenizer)
        for text in texts:
            prompt = prompt_ids(tokenizer, text.prompt)
            response = response_ids(tokenizer, text.response, end)
            room = max_length - len(response)
            if room < 1:
                self.left_out += 1
                continue
            self.truncated += len(prompt) > room
            prompt = without_beginning(prompt, room, front)
            self.items.append((prompt, response if text.finished else response[:-1]))
            self.kinds.append(text.kind)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Encoded:
        if index < len(self.items):
            return self.items[index]
        prompt, response = self.items[index - len(self.items)]
        return prompt + response, []
