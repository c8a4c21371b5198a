"""What `from_pretrained` is given for the settings of loading, and what its refusals mean."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from rlchf.train.models.loading import Loading, ModelCode


def code_arguments(code: ModelCode) -> dict[str, Any]:
    """Arguments for models of any precision."""
    arguments: dict[str, Any] = {"trust_remote_code": code.trust_remote_code}
    if code.attn_implementation:
        arguments["attn_implementation"] = code.attn_implementation
    return arguments


def weights_arguments(loading: Loading) -> dict[str, Any]:
    """Arguments for a model that is trained or sampled from."""
    arguments = code_arguments(loading) | {"dtype": getattr(torch, loading.dtype)}
    return arguments | (_four_bits(loading) if loading.load_in_4bit else {})


def _four_bits(loading: Loading) -> dict[str, Any]:
    """Weights in NF4 on this process's device, which compute in the precision of the settings."""
    from transformers import BitsAndBytesConfig

    from rlchf.train.processes import process

    if not find_spec("bitsandbytes"):
        raise ValueError(
            "load_in_4bit needs bitsandbytes, which is not installed; pip install bitsandbytes, or leave it "
            "out"
        )
    if not torch.accelerator.is_available():
        warnings.warn(
            "load_in_4bit is meant for a GPU, and there is none: weights in 4 bits compute slowly on CPUs",
            stacklevel=4,
        )
    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, loading.dtype),
    )
    return {"quantization_config": quantization, "device_map": {"": process().device}}


def in_precision(model: Any, loading: Loading) -> Any:
    """A model that was made, not loaded, in the precision of the settings."""
    return model.to(getattr(torch, loading.dtype))


@contextmanager
def explained(name: str | Path, code: ModelCode) -> Iterator[None]:
    """Say in one sentence what a model needs that the settings do not allow, or cannot give.

    Raises
    ------
    ValueError
        If the model comes with code of its own, or has no such attention.
    """
    try:
        yield
    except (ValueError, ImportError) as error:
        problem = " ".join(str(error).split())
        if "trust_remote_code" in problem and not code.trust_remote_code:
            raise ValueError(
                f"the model '{name}' comes with code of its own, which is not run unless asked; read it, and "
                "set trust_remote_code (--trust-remote-code)"
            ) from None
        chosen = code.attn_implementation
        if chosen and re.search("attn|attention", problem, re.IGNORECASE):
            raise ValueError(
                f"attn_implementation is {chosen!r}, with which '{name}' cannot be loaded: "
                + problem.split(". ")[0].rstrip(".")
            ) from None
        raise
