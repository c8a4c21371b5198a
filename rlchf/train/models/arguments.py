"""What `from_pretrained` is given for the settings of loading, and what its refusals mean."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from rlchf.options import meant
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


def as_loaded(model: Any, loading: Loading, name: str = "tiny") -> Any:
    """A model that was made, not loaded, in the precision of the settings and with their attention.

    Raises
    ------
    ValueError
        If the model has no such attention; the message calls it by its name.
    """
    if loading.attn_implementation:
        with explained(name, loading):
            model.set_attn_implementation(loading.attn_implementation)
    return model.to(getattr(torch, loading.dtype))


def check_attention(code: ModelCode, folder: str = "", name: str = "tiny") -> None:
    """Refuse an attention implementation, before any weights are read, that a model has not.

    Parameters
    ----------
    folder
        What `rlchf.train.models.load.model_folder` returned; empty for a tiny model that is made, a Llama.
    name
        What messages call the model.

    Raises
    ------
    ValueError
        If transformers has no such implementation, or not for this model or on this machine.

    Examples
    --------
    >>> check_attention(ModelCode(attn_implementation="eager"))
    >>> check_attention(ModelCode(attn_implementation="eagre"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: attn_implementation is 'eagre'; choose from eager, ...
    """
    if not code.attn_implementation:
        return
    from transformers import AutoConfig, AutoModel, LlamaConfig
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    from rlchf.train.models.adapters import without_adapters

    trust = code.trust_remote_code
    with explained(name, code):
        if folder:
            folder, _ = without_adapters(folder)
            config = AutoConfig.from_pretrained(folder, trust_remote_code=trust)
        else:
            config = LlamaConfig(hidden_size=8, intermediate_size=8, num_attention_heads=2)
        if type(config) not in MODEL_MAPPING:  # code of its own, which says so when it is loaded
            return
        with torch.device("meta"):
            AutoModel.from_config(config, **code_arguments(code) | {"dtype": torch.bfloat16})


def check_attention_name(code: ModelCode) -> None:
    """Refuse the name of an attention implementation that transformers has for no model.

    Raises
    ------
    ValueError
        If there is no such implementation.
    """
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    chosen = code.attn_implementation
    known = ("eager", *sorted(ALL_ATTENTION_FUNCTIONS.valid_keys()))
    if not chosen or chosen in known or "/" in chosen:  # a kernel on the Hub
        return
    hint = meant(chosen, known)
    raise ValueError(
        f"attn_implementation is {chosen!r}; choose from {', '.join(known)}, or a kernel on the Hub as "
        f"owner/name{f'; {hint}' if hint else ''}"
    )


@contextmanager
def explained(name: str | Path, code: ModelCode) -> Iterator[None]:
    """Say in one sentence what a model needs that the settings do not allow, or cannot give.

    Raises
    ------
    ValueError
        If the model comes with code of its own, or has no such attention.
    """
    check_attention_name(code)
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
