"""Weights that FSDP has divided over processes: made whole for files, and divided again."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor


def is_divided(model: nn.Module) -> bool:
    """Whether FSDP has divided the model's weights."""
    return any(isinstance(module, FSDPModule) for module in model.modules())


def gather_for(model: nn.Module, *methods: str) -> None:
    """Let these methods of the model find whole weights, as its `forward` does, if they are divided."""
    for method in methods:
        register_fsdp_forward_method(model, method)


def whole(value: Any) -> Any:
    """A tensor, or containers of them, with those that are divided made whole, on the CPU.

    All processes have to ask for it together.
    """
    if isinstance(value, DTensor):
        full: Tensor = value.full_tensor().cpu()
        return full
    if isinstance(value, dict):
        return {key: whole(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(whole(each) for each in value)
    return value


def divided(values: Mapping[Any, Any], alike: Mapping[Any, Any]) -> dict[Any, Any]:
    """Whole tensors, divided as those of the same name in `alike` are."""
    return {name: _divided(value, alike.get(name)) for name, value in values.items()}


def divided_state(optimizer: Any, state: dict[str, Any]) -> dict[str, Any]:
    """An optimiser's state of whole tensors, divided as its parameters are."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    own = {
        number: {name: _divided(value, parameters[number]) for name, value in each.items()}
        for number, each in state["state"].items()
    }
    return state | {"state": own}


def _divided(value: Any, alike: Any) -> Any:
    if isinstance(alike, DTensor) and isinstance(value, Tensor) and value.shape == alike.shape:
        given = value.to(alike.device)  # every process has the whole: nothing is sent
        return distribute_tensor(given, alike.device_mesh, alike.placements, src_data_rank=None)
    return value


def inside_adapters(policy: Any) -> Any:
    """The model of transformers that a peft model is around, or the model itself."""
    return policy.get_base_model() if hasattr(policy, "get_base_model") else policy


def plain_weights(policy: Any) -> Iterator[tuple[str, Tensor]]:
    """The weights of a causal language model by the names of its checkpoint, whole, LoRA added in.

    Of weights that are tied there is one.
    """
    policy = inside_adapters(policy)
    adapted = {n: m for n, m in policy.named_modules() if hasattr(m, "get_delta_weight")}
    every = [name for name, _ in policy.named_parameters(remove_duplicate=False)]
    again = set(every) - {name for name, _ in policy.named_parameters()}  # tied to another
    with torch.no_grad():
        for name, tensor in policy.state_dict().items():
            if name in again:
                continue
            layer, _, rest = name.rpartition(".base_layer.")
            if layer in adapted:
                if rest == "weight":
                    module = adapted[layer]
                    deltas = [module.get_delta_weight(each) for each in module.active_adapters]
                    tensor = whole(tensor) + sum(whole(delta) for delta in deltas)
                yield f"{layer}.{rest}", whole(tensor)
            elif not any(part.startswith("lora_") for part in name.split(".")):
                yield name, whole(tensor)
