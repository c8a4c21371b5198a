"""Stop texts of several tokens: where they first appear in a response, it has ended."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import StoppingCriteria

from rlchf.train.ppo.responses import Rollout, first_stop

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MARGIN = 8
"""Tokens read beside those that a stop text can be made of: special tokens and spaces have no text there."""


class StopTexts(StoppingCriteria):  # type: ignore[misc]
    """Ends a response in `generate` as soon as a stop text is in it."""

    def __init__(
        self, tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str], prompt_width: int
    ) -> None:
        self.tokenizer, self.texts, self.prompt_width = tokenizer, texts, prompt_width
        self.tail = max(len(text.encode()) for text in texts) + MARGIN
        self.ended: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> Tensor:
        """(B,) whether each response has ended."""
        responses = input_ids[:, self.prompt_width :]
        if self.ended is None:
            self.ended = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        for row in (~self.ended).nonzero()[:, 0].tolist():
            ids = responses[row].tolist()
            # The tail alone may be read otherwise than within the response, so the response decides.
            self.ended[row] = self._has_stop(ids[-self.tail :]) and self._has_stop(ids)
        return self.ended

    def _has_stop(self, ids: Sequence[int]) -> bool:
        return stop_in(self.tokenizer, ids, self.texts)


def stop_in(tokenizer: "PreTrainedTokenizerBase", ids: Sequence[int], texts: Sequence[str]) -> bool:
    """Whether a stop text is in the text of these tokens."""
    text = tokenizer.decode(list(ids), skip_special_tokens=True)
    return first_stop(text, texts) is not None


def cut_at_stop_texts(
    rollout: Rollout, tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]
) -> Rollout:
    """The rollout without the tokens behind the one that completes a stop text, which ends its response."""
    lengths, finished = rollout.lengths.tolist(), rollout.finished.clone()
    for row, length in enumerate(list(lengths)):
        ids = rollout.responses[row, :length].tolist()
        if not stop_in(tokenizer, ids, texts):
            continue
        low, high = (
            0,
            length,
        )  # a stop text is in the first `high` tokens and not in the first `low`
        while high - low > 1:
            middle = (low + high) // 2
            if stop_in(tokenizer, ids[:middle], texts):
                high = middle
            else:
                low = middle
        lengths[row], finished[row] = high, True
    width = rollout.ids.shape[1] - rollout.response_mask.shape[1]
    columns = torch.arange(max(lengths), device=rollout.ids.device)
    mask = columns < torch.tensor(lengths, device=rollout.ids.device)[:, None]
    attention = torch.cat([rollout.attention_mask[:, :width].bool(), mask], 1)
    return Rollout(rollout.ids[:, : width + max(lengths)], attention, mask, finished)
