"""Weights that FSDP has sharded over processes: gathered for files, and sharded again.

`torch.distributed.checkpoint.state_dict` gathers and shards too, but does not resume a run exactly (torch
2.13): `get_optimizer_state_dict` takes a step with an optimiser that has taken none, which Adam then counts,
and `set_optimizer_state_dict` refuses a state without the policy's parameters, as it is while the critic
warms up.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor, distribute_tensor

from rlchf.train.models.adapters import inside_adapters


def is_sharded(model: nn.Module) -> bool:
    """Whether FSDP has sharded the model's weights."""
    return any(isinstance(module, FSDPModule) for module in model.modules())


def gather(value: Any) -> Any:
    """A tensor, or containers of tensors, with the sharded ones gathered on the CPU.

    All processes have to call this together.
    """
    if isinstance(value, DTensor):
        full: Tensor = value.full_tensor().cpu()
        return full
    if isinstance(value, dict):
        return {key: gather(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(gather(each) for each in value)
    return value


def shard(tensors: Mapping[Any, Any], like: Mapping[Any, Any]) -> dict[Any, Any]:
    """Whole tensors, sharded as those of the same name in `like` are."""
    return {name: _shard(tensor, like.get(name)) for name, tensor in tensors.items()}


def shard_optimizer_state(optimizer: Any, state: dict[str, Any]) -> dict[str, Any]:
    """An optimiser's state of whole tensors, sharded as its parameters are."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    sharded = {
        number: {name: _shard(value, parameters[number]) for name, value in moments.items()}
        for number, moments in state["state"].items()
    }
    return state | {"state": sharded}


def _shard(value: Any, like: Any) -> Any:
    if isinstance(like, DTensor) and isinstance(value, Tensor) and value.shape == like.shape:
        whole = value.to(like.device)  # every process has all of it: nothing is sent
        return distribute_tensor(whole, like.device_mesh, like.placements, src_data_rank=None)
    return value


def plain_weights(policy: Any) -> Iterator[tuple[str, Tensor]]:
    """The weights of a causal language model by their names in its checkpoint, gathered, LoRA merged.

    Tied weights come once. Weights in 4 bits come in the precision that they were quantised from.
    """
    policy = inside_adapters(policy)
    adapted = {n: m for n, m in policy.named_modules() if hasattr(m, "get_delta_weight")}
    names = [name for name, _ in policy.named_parameters(remove_duplicate=False)]
    tied = set(names) - {name for name, _ in policy.named_parameters()}
    quantised = {n: p for n, p in policy.named_parameters() if hasattr(p, "quant_state")}
    with torch.no_grad():
        for name, tensor in policy.state_dict().items():
            if name in tied or name.rpartition(".weight.")[0] + ".weight" in quantised:
                continue  # the latter are the scales of weights in 4 bits
            if name in quantised:
                tensor = _dequantised(quantised[name])
            layer, _, rest = name.rpartition(".base_layer.")
            if layer in adapted:
                if rest == "weight":
                    module = adapted[layer]
                    deltas = [module.get_delta_weight(each) for each in module.active_adapters]
                    merged = gather(tensor) + sum(gather(delta) for delta in deltas)
                    tensor = merged.to(tensor.dtype)  # adapters may be more precise than their base
                yield f"{layer}.{rest}", gather(tensor)
            elif not any(part.startswith("lora_") for part in name.split(".")):
                yield name, gather(tensor)


def _dequantised(weight: Any) -> Tensor:
    """A weight in 4 bits as a plain tensor."""
    from bitsandbytes.functional import dequantize_4bit

    plain: Tensor = dequantize_4bit(weight.data, weight.quant_state)
    return plain
