"""Bytes of weights, of the optimiser's state, and of weights in 4 bits."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from rlchf.train.memory.plan import Bytes

FOUR_BITS = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes of a weight in NF4: four bits, a block's scale in one byte, and the scale of 256 scales."""


def weight_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of some tensors, each counted once."""
    return sum({id(tensor): tensor.numel() * tensor.element_size() for tensor in tensors}.values())


def optimiser_bytes(trained: Sequence[Tensor]) -> int:
    """Bytes of Adam's moments; weights of fewer than 32 bits have a copy in float32 there, too."""
    return sum(_precise(weight) * (2 + (weight.element_size() < 4)) for weight in trained)


def step_bytes(trained: Sequence[Tensor], on_gpu: bool) -> Bytes:
    """The optimiser's step: the gradients, and what Adam makes of them.

    On GPUs Adam takes the roots of all second moments at once, and the gradients in float32 if they are not;
    on CPUs it goes from weight to weight, with two tensors of its size.
    """
    if not trained:
        return Bytes()
    sizes = [_precise(weight) for weight in trained]
    casts = sum(_precise(weight) for weight in trained if weight.element_size() < 4)
    made = sum(sizes) if on_gpu else 2 * max(sizes)
    return Bytes(activations=made + casts, gradients=weight_bytes(trained))


def _precise(weight: Tensor) -> int:
    """Bytes of a weight in float32, or in its own precision if that is higher."""
    return weight.numel() * max(4, weight.element_size())


def quantised_bytes(model: Any) -> int:
    """Bytes that a model has more, a negative number, if its linear layers are in 4 bits but for the head."""
    return round(sum(w.numel() * (FOUR_BITS - w.element_size()) for w in _linear_weights(model)))


def dequantised(phase: Bytes, model: Any) -> Bytes:
    """A phase in which one linear layer at a time is there in the precision of the computation."""
    largest = max(weight_bytes([weight]) for weight in _linear_weights(model))
    return replace(phase, activations=phase.activations + largest)


def _linear_weights(model: Any) -> list[Tensor]:
    """The weights that bitsandbytes holds in few bits: those of linear layers in the trunk."""
    trunk = model.base_model
    adapters = {
        id(inner)
        for name, module in trunk.named_modules()
        if "lora_" in name.rpartition(".")[2]
        for inner in module.modules()
    }
    return [
        module.weight
        for module in trunk.modules()
        if isinstance(module, nn.Linear) and id(module) not in adapters
    ]
