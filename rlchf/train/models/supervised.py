"""The loss of supervised fine-tuning: the likelihood of responses, given their prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rlchf.train.models.padding import pad

Encoded = tuple[list[int], list[int]]
"""Token ids of a prompt, and of the response to it."""
Batch = Mapping[str, Tensor]


@dataclass(frozen=True)
class Collator:
    """Make a batch of prompts with their responses, padded on the right.

    Examples
    --------
    >>> batch = Collator(pad_id=0)([([7], [8, 9]), ([5], [6])])
    >>> batch["input_ids"].tolist(), batch["is_response"].int().tolist()
    ([[7, 8, 9], [5, 6, 0]], [[0, 1, 1], [0, 1, 0]])
    """

    pad_id: int

    def __call__(self, items: Sequence[Encoded]) -> dict[str, Tensor]:
        """``input_ids``, ``attention_mask`` and ``is_response``, each (batch, length)."""
        texts = pad([prompt + response for prompt, response in items], self.pad_id)
        starts = torch.tensor([[len(prompt)] for prompt, _ in items])
        attention = texts["attention_mask"]
        is_response = attention.bool() & (texts["position_ids"] >= starts)
        return {
            "input_ids": texts["input_ids"],
            "attention_mask": attention,
            "is_response": is_response,
        }


def response_nll(model: Any, batch: Batch) -> Tensor:
    """Negative log-likelihood of each token given those before it; 0 outside the response.

    Returns
    -------
    (batch, length - 1) in nats.
    """
    ids = batch["input_ids"]
    logits = model(input_ids=ids, attention_mask=batch["attention_mask"]).logits[:, :-1].float()
    nll = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
    return nll * batch["is_response"][:, 1:]


def response_tokens(batch: Batch) -> Tensor:
    """Number of tokens that `response_nll` counts."""
    return batch["is_response"][:, 1:].sum()
