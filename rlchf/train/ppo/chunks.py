"""Sampling a batch a few responses at a time."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sampling import Key, Sampler


def in_chunks(sampler: Sampler, size: int) -> Sampler:
    """A sampler that calls another one with at most `size` prompts at a time.

    A response depends on its own key alone, so the responses are the same; keys and values take less memory,
    and a chunk ends with its own longest response.
    """

    def sample_chunks(
        policy: Any, tokenizer: Any, encoded: Sequence[Any], keys: Sequence[Key], **options: Any
    ) -> Rollout:
        starts = range(0, len(encoded), size)
        return joined(
            [
                sampler(policy, tokenizer, encoded[i : i + size], keys[i : i + size], **options)
                for i in starts
            ]
        )

    return sample_chunks


def joined(rollouts: Sequence[Rollout]) -> Rollout:
    """Rollouts as one, with the padding of the longest prompt and the longest response."""
    if len(rollouts) == 1:
        return rollouts[0]
    filler = next(
        (int(r.ids[~r.attention_mask][0]) for r in rollouts if not r.attention_mask.all()), 0
    )
    after = max(r.response_mask.shape[1] for r in rollouts)
    before = max(r.ids.shape[1] - r.response_mask.shape[1] for r in rollouts)

    def widened(rollout: Rollout, rows: Tensor, value: int) -> Tensor:
        length = rollout.response_mask.shape[1]
        missing = before - (rollout.ids.shape[1] - length)
        return pad(rows, (missing, after - length), value=value)

    ids = torch.cat([widened(r, r.ids, filler) for r in rollouts])
    mask = torch.cat([widened(r, r.attention_mask, False) for r in rollouts])
    return Rollout(ids, mask, mask[:, before:], torch.cat([r.finished for r in rollouts]))
