"""Weights in 4 bits under LoRA adapters: whether there are some, and the plain model in the end."""

from typing import Any

import torch

from rlchf.train.models.adapters import inside_adapters


def is_quantised(model: Any) -> bool:
    """Whether a model's weights are held in few bits, so that adapters alone can be trained."""
    return bool(getattr(inside_adapters(model), "is_quantized", False))


def differentiable(model: Any) -> Any:
    """The model, with layers of 4 bits that give gradients on CPUs too.

    In evaluation mode bitsandbytes packs them for a kernel that gives none, and says nothing.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def merged(model: Any) -> Any:
    """The plain model of a peft model, adapters merged; weights in 4 bits become those of its precision.

    They are merged in float32 into the weights that the adapters were trained on, the dequantised ones, and
    not quantised again, which would round the adapters away. One update of a weight is there at a time.
    """
    if not is_quantised(model):
        return model.merge_and_unload()
    inner = inside_adapters(model)
    adapted = {n: each for n, each in inner.named_modules() if hasattr(each, "get_delta_weight")}
    with torch.no_grad():
        plain = model.unload().dequantize(dtype=inner.dtype)
        for name in list(adapted):
            module = adapted.pop(name)
            delta = sum(module.get_delta_weight(each).float() for each in module.active_adapters)
            weight = plain.get_submodule(name).weight
            weight.copy_(weight.float() + delta)
    return plain
