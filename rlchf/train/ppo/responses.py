"""Sampled responses as token ids, and the policy's logits at their tokens."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rlchf.train.models.adapters import inside_adapters
from rlchf.train.models.padding import pad, positions

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Rollout:
    """A batch of prompts and sampled responses: prompts padded on the left, responses on the right.

    The masks are kept, and not derived from the ids: the padding token may be the end token.
    """

    ids: Tensor
    """(B, P + T) token ids: prompts in the first P columns, responses in the last T."""
    attention_mask: Tensor
    """(B, P + T) true on tokens of the prompt and of the response, its end token included."""
    response_mask: Tensor
    """(B, T) the last T columns of `attention_mask`."""
    finished: Tensor
    """(B,) true where the response ended with an end token."""

    @classmethod
    def of(
        cls,
        prompts: Sequence[Sequence[int]],
        responses: Sequence[Sequence[int]],
        ends: Sequence[int],
        device: torch.device | str = "cpu",
    ) -> "Rollout":
        """A rollout of token ids; tokens of a response after its first end token are dropped.

        Examples
        --------
        >>> rollout = Rollout.of([[7], [5, 6]], [[8, 9], [3, 2, 8]], ends=[2])
        >>> rollout.ids.tolist()
        [[2, 7, 8, 9], [5, 6, 3, 2]]
        >>> rollout.finished.tolist()
        [False, True]
        """
        for number, row in enumerate(responses):
            if not row:
                raise ValueError(f"response {number} has no tokens; its end token counts as one")
        lengths = [next((t + 1 for t, i in enumerate(row) if i in ends), None) for row in responses]
        kept = [list(row[:length]) for row, length in zip(responses, lengths, strict=True)]
        parts = pad(prompts, ends[0], "left"), pad(kept, ends[0])
        ids, attention = (
            torch.cat([part[name] for part in parts], 1).to(device)
            for name in ("input_ids", "attention_mask")
        )
        mask = attention.bool()
        finished = torch.tensor([length is not None for length in lengths], device=device)
        return cls(ids, mask, mask[:, parts[0]["input_ids"].shape[1] :], finished)

    @property
    def responses(self) -> Tensor:
        """(B, T) ids of the responses."""
        return self.ids[:, -self.response_mask.shape[1] :]

    @property
    def lengths(self) -> Tensor:
        """(B,) number of tokens in each response, its end token included."""
        return self.response_mask.sum(1)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice) -> "Rollout":
        return Rollout(*(getattr(self, field.name)[rows] for field in fields(self)))

    def texts(
        self, tokenizer: "PreTrainedTokenizerBase", stop_texts: Sequence[str] = ()
    ) -> list[str]:
        """The responses as texts, without special tokens and without what ended them."""
        responses, lengths = self.responses.tolist(), self.lengths.tolist()
        ends = (self.lengths - self.finished.long()).tolist()
        texts = [row[:end] for row, end in zip(responses, ends, strict=True)]
        decoded = [tokenizer.decode(ids, skip_special_tokens=True) for ids in texts]
        if not stop_texts:
            return decoded
        for number, (row, length) in enumerate(zip(responses, lengths, strict=True)):
            text = tokenizer.decode(row[:length], skip_special_tokens=True)
            start = first_stop(text, stop_texts)
            decoded[number] = decoded[number] if start is None else text[:start]
        return decoded


def first_stop(text: str, stop_texts: Sequence[str]) -> int | None:
    """Where the first of the stop texts begins in a text, if one is in it.

    Examples
    --------
    >>> first_stop("no. User: why?", ["User:", "Human:"])
    4
    """
    starts = [start for start in map(text.find, stop_texts) if start >= 0]
    return min(starts, default=None)


def response_logits(
    policy: "PreTrainedModel", rollout: Rollout, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """The policy's logits and hidden states at the positions where it chose the response's tokens.

    Returns
    -------
    logits : (B, T, V), divided by the temperature: the distributions that were sampled from.
    hidden : (B, T, d) hidden states of the last layer from which those logits come.
    """
    width, length = rollout.ids.shape[1], rollout.response_mask.shape[1]
    # The last position has seen the whole response: no token is chosen there. These are indices and not
    # a slice, because torch copies a frozen head (LoRA's) for each row that it multiplies with a slice.
    chosen = torch.arange(width - length - 1, width - 1, device=rollout.ids.device)
    with _read_by_head(policy) as states:
        logits: Tensor = policy(
            input_ids=rollout.ids,
            attention_mask=rollout.attention_mask.long(),
            position_ids=positions(rollout.attention_mask),
            logits_to_keep=chosen,
            use_cache=False,
        ).logits
    return logits if temperature == 1 else logits / temperature, states[0]


@contextmanager
def _read_by_head(policy: "PreTrainedModel") -> Iterator[list[Tensor]]:
    """The hidden states that the output layer reads; those of all layers would stay in memory."""
    states: list[Tensor] = []
    head = inside_adapters(policy).get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0]))
    try:
        yield states
    finally:
        hook.remove()
