"""What `from_pretrained` is given for the settings of loading, and what its refusals mean."""

import warnings
from importlib.util import find_spec
from typing import Any

import torch

from rlchf.train.models.adapters import without_adapters
from rlchf.train.models.loading import Loading, ModelCode
from rlchf.train.models.pretrained import check_attention_name, explained, read_config


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
    from transformers import AutoModel, LlamaConfig
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    check_attention_name(code)
    if folder:
        config: Any = read_config(without_adapters(folder)[0], name, code)
    else:
        config = LlamaConfig(hidden_size=8, intermediate_size=8, num_attention_heads=2)
    if type(config) not in MODEL_MAPPING:  # code of its own, which says so when it is loaded
        return
    with explained(name, code), torch.device("meta"):
        AutoModel.from_config(config, **code_arguments(code) | {"dtype": torch.bfloat16})
