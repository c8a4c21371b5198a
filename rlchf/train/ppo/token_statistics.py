"""Log-probabilities and entropies of tokens from logits, a few rows at a time.

The logits of a vocabulary of 128,000 tokens are the largest tensor of a pass. A softmax over all of them at
once makes copies of that size, in the backward pass too; over a few rows at a time it makes small ones, and
the backward pass only adds the gradient itself.
"""

from typing import Any

import torch
from torch import Tensor

from rlchf.train.ppo.objectives import entropy, token_logprobs

AT_ONCE = 1 << 18
"""Logits that are worked on at once, at least; many more are cut into `PARTS`."""
PARTS = 128


def token_statistics(
    logits: Tensor, ids: Tensor, temperature: float = 1.0, *, entropies: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Log-probability of each token, and entropy of the distribution it was drawn from.

    Parameters
    ----------
    logits
        (B, T, V) logits, before the temperature.
    ids
        (B, T) tokens.
    temperature
        By which the logits are divided.
    entropies
        Whether the entropies are wanted.

    Returns
    -------
    logp, entropies : (B, T) in float32 at least; None for entropies that are not wanted.
    """
    flat, tokens = logits.flatten(0, 1), ids.flatten()
    rows = max(AT_ONCE, flat.numel() // PARTS) // flat.shape[1] + 1
    if rows >= len(flat):
        values = statistics(flat, tokens, temperature, entropies)
    elif torch.is_grad_enabled() and logits.requires_grad:
        values = _InParts.apply(flat, tokens, temperature, entropies, rows)  # type: ignore[no-untyped-call]
    else:
        values = _in_parts(flat, tokens, temperature, entropies, rows)
    logp, *rest = (column.view_as(ids) for column in values)
    return logp, rest[0] if rest else None


def statistics(
    logits: Tensor, ids: Tensor, temperature: float, entropies: bool
) -> tuple[Tensor, ...]:
    """The log-probabilities (N,) of tokens (N,) under logits (N, V), and the entropies if wanted."""
    if temperature != 1:
        logits = logits / temperature
    logp = token_logprobs(logits[None], ids[None])[0]
    return (logp, entropy(logits)) if entropies else (logp,)


def _in_parts(
    logits: Tensor, ids: Tensor, temperature: float, entropies: bool, rows: int
) -> tuple[Tensor, ...]:
    parts = zip(logits.split(rows), ids.split(rows), strict=True)
    columns = zip(*(statistics(*part, temperature, entropies) for part in parts), strict=True)
    return tuple(torch.cat(column) for column in columns)


class _InParts(torch.autograd.Function):
    """`statistics`, whose backward pass computes each part again."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, ids: Tensor, temperature: float, entropies: bool, rows: int
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(logits, ids)
        ctx.settings = temperature, entropies, rows
        return _in_parts(logits, ids, temperature, entropies, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (logits, ids), (temperature, entropies, rows) = ctx.saved_tensors, ctx.settings
        gradient = torch.empty_like(logits)
        for start in range(0, len(logits), rows):
            part = slice(start, start + rows)
            with torch.enable_grad():
                leaf = logits[part].detach().requires_grad_()
                values = statistics(leaf, ids[part], temperature, entropies)
            gradient[part] = torch.autograd.grad(values, leaf, [g[part] for g in gradients])[0]
        return gradient, None, None, None, None
