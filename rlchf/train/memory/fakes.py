"""Models of fake tensors, which have shapes and no memory, on which the training's own code runs."""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_MODE = FakeTensorMode()  # one for all: tensors of different modes do not mix


def empty_model(config: "PretrainedConfig", dtype: torch.dtype, kind: str = "causal") -> Any:
    """A model of a config on torch's device meta: a causal language model, or a ``classifier``.

    Raises
    ------
    ValueError
        If transformers has no such model of this architecture.
    """
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    auto = AutoModelForCausalLM if kind == "causal" else AutoModelForSequenceClassification
    config = copy.deepcopy(config)
    if getattr(config, "quantization_config", None) is not None:
        del config.quantization_config
    if kind != "causal":
        _give_padding(config)
    try:
        with torch.device("meta"):
            return auto.from_config(config, dtype=dtype).eval()
    except ValueError:
        what = "a causal language model" if kind == "causal" else "a reward model"
        raise ValueError(
            f"a plan of {what} of the type '{config.model_type}' cannot be made: transformers has no such "
            "model"
        ) from None


def _give_padding(config: "PretrainedConfig") -> None:
    """Give a config a padding token, as a reward model without one gets its own when it is loaded."""
    for part in (config, config.get_text_config()):
        if getattr(part, "pad_token_id", None) is None:
            part.pad_token_id = 0


def make_fake(model: nn.Module) -> None:
    """Turn the weights of a model on the device meta into fake tensors; within `fake_tensors`."""
    made: dict[int, tuple[Any, Any]] = {}  # with the old one, so that no id comes twice
    for module in model.modules():
        for tensors in (module._parameters, module._buffers):
            for name, tensor in tensors.items():
                if tensor is None:
                    continue
                if id(tensor) not in made:
                    fake = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
                    if isinstance(tensor, nn.Parameter):
                        fake = nn.Parameter(fake, requires_grad=tensor.requires_grad)
                    made[id(tensor)] = fake, tensor
                tensors[name] = made[id(tensor)][0]


@contextmanager
def fake_tensors() -> Iterator[None]:
    """New tensors are fake within the context, and attention takes the memory of a fused kernel."""
    before = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = _fused_attention
    try:
        with _MODE:
            yield
    finally:
        functional.scaled_dot_product_attention = before


@contextmanager
def counted(name: str, dtype: str = "float32") -> Iterator[None]:
    """Say in one sentence that a model's code does not run on tensors without memory.

    Parameters
    ----------
    dtype
        Precision of the weights, another than which is proposed.

    Raises
    ------
    ValueError
        If it does not, as where it looks at numbers.
    """
    log = logging.getLogger("torch._subclasses.fake_tensor")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except RuntimeError as error:
        other = "float32" if dtype == "bfloat16" else "bfloat16"
        raise ValueError(
            f"the memory of '{name}' cannot be counted with these settings, because its code does not run on "
            f"tensors without memory; --dtype {other} may work"
        ) from error
    finally:
        log.setLevel(level)


def _fused_attention(query: Tensor, key: Tensor, value: Tensor, *args: Any, **options: Any) -> Any:
    """Attention as fused kernels compute it, without a table of all pairs of tokens for each head.

    torch would take another way for fake tensors. A mode of `torch.overrides` would not reach the layers
    that are computed again in the backward pass.
    """
    mask = options.get("attn_mask", args[0] if args else None)
    return _Attention.apply(query, key, value, mask)  # type: ignore[no-untyped-call]


class _Attention(torch.autograd.Function):
    """Makes and keeps the tensors that fused attention does, and computes nothing."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        out = query.new_empty(*query.shape[:-1], value.shape[-1])
        normaliser = query.new_empty(query.shape[:-1], dtype=torch.float32)
        bias = query.new_empty(mask.shape) if mask is not None else None  # of true and false
        ctx.save_for_backward(query, key, value, out, normaliser, bias)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        query, key, value, *_ = ctx.saved_tensors
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value), None
