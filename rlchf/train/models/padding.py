"""Batches of texts of different lengths."""

from collections.abc import Sequence

import torch
from torch import Tensor


def pad(rows: Sequence[Sequence[int]], pad_id: int, side: str = "right") -> dict[str, Tensor]:
    """Stack ragged rows into (N, L) ``input_ids``, their ``attention_mask`` and ``position_ids``."""
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), pad_id)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for n, row in enumerate(rows):
        columns = slice(len(row)) if side == "right" else slice(length - len(row), length)
        ids[n, columns] = torch.tensor(row)
        mask[n, columns] = 1
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions(mask)}


def positions(attention_mask: Tensor) -> Tensor:
    """Position ids that count from 0 the tokens that are not padding.

    A model with learned positions then reads a text the same way on whichever side it is padded.
    """
    return (attention_mask.long().cumsum(1) - 1).clamp(min=0)
