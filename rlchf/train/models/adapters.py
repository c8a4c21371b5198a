"""LoRA adapters around a model."""

from typing import Any


def with_adapters(model: Any, rank: int, **options: Any) -> Any:
    """A peft model around `model`, of which only LoRA adapters of this rank are trained.

    They are on peft's default target modules, unless the options of peft's `LoraConfig` say otherwise.
    """
    from peft import LoraConfig, get_peft_model  # slow to import, and optional

    return get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, **options))


def inside_adapters(model: Any) -> Any:
    """The transformers model inside a peft model, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model
