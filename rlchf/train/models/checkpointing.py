"""Gradient checkpointing: the activations inside a layer are computed again in the backward pass."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

CACHES = ("cache", "past_key_values", "layer_past")
"""Names of a layer's cache of keys and values, the first since transformers 5.24."""


def checkpoint_layers(model: nn.Module) -> None:
    """Let a model keep only the inputs of its layers for the backward pass.

    transformers does this in training mode only, where dropout is on too. Here it is done whatever the mode,
    wherever gradients are taken.

    Raises
    ------
    ValueError
        If the layers of the model are not of the kind that transformers checkpoints.
    """
    layers = [one for one in model.modules() if isinstance(one, GradientCheckpointingLayer)]
    if not layers:
        raise ValueError(
            f"gradient_checkpointing does not work with a {type(model).__name__}, whose layers transformers "
            "does not checkpoint; leave it out"
        )
    for layer in layers:
        layer.forward = _checkpointed(layer.forward)


def keep_activations(model: nn.Module) -> None:
    """Undo `checkpoint_layers`."""
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            vars(module).pop("forward", None)


def _checkpointed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def recomputed(*args: Any, **options: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **options)
        # A cache would be written a second time when the layer is computed again.
        options |= {name: None for name in CACHES if name in options}
        return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=False, **options)

    return recomputed
