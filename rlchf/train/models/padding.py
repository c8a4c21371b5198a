"""Batches of texts of different lengths."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def pad(rows: Sequence[Sequence[int]], pad_id: int, side: str = "right") -> dict[str, Tensor]:
    """Stack ragged rows into (N, L) ``input_ids``, their ``attention_mask`` and ``position_ids``."""
    lengths = torch.tensor([len(row) for row in rows])
    columns = torch.arange(int(lengths.max()))
    if side == "left":
        columns = columns.flip(0)
    mask = columns < lengths[:, None]  # (N, L)
    ids = torch.full(mask.shape, pad_id)
    ids[mask] = torch.tensor([token for row in rows for token in row], dtype=torch.long)
    mask = mask.long()
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions(mask)}


def positions(attention_mask: Tensor) -> Tensor:
    """Position ids that count from 0 the tokens that are not padding.

    A model with learned positions then reads a text the same way on whichever side it is padded.
    """
    return (attention_mask.long().cumsum(1) - 1).clamp(min=0)


def own_pad_id(tokenizer: Any, model: Any, otherwise: int) -> int:
    """The tokenizer's padding token, or another one if it has none with an embedding in the model.

    Examples
    --------
    >>> from rlchf.train.models.tiny import tiny_llama
    >>> model, tokenizer = tiny_llama(["hi"], vocab_size=300, hidden_size=32)
    >>> own_pad_id(tokenizer, model, otherwise=1)
    0
    >>> _ = tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    >>> own_pad_id(tokenizer, model, otherwise=1)
    1
    """
    pad_id: int | None = tokenizer.pad_token_id
    if pad_id is None or pad_id >= model.get_input_embeddings().num_embeddings:
        return otherwise
    return pad_id
