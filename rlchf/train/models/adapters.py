"""LoRA adapters around a model, and folders that hold them."""

import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from rlchf.io.files import real_path
from rlchf.io.json import read_object
from rlchf.train.lora import ADAPTER, FOLDER, LoraSettings
from rlchf.train.models.loading import ModelCode
from rlchf.train.models.pretrained import read_adapters

ALL_LINEAR = "all-linear"
OTHER_INPUTS = ("vision", "visual", "image", "audio", "speech", "multi_modal")
"""Parts of the names of modules that read no text."""
MAMBA = ("mamba", "falcon_h1", "nemotron_h", "jamba", "zamba")
"""Parts of the names of architectures with the layers `UNUSED`."""
UNUSED = ("conv1d", "x_proj", "dt_proj", "out_proj")
"""Layers of Mamba whose weights are read without calling the layer, so that adapters do nothing there."""


def lora_options(config: LoraSettings) -> dict[str, Any]:
    """What settings say about LoRA besides the rank, for `with_adapters`."""
    return {
        "alpha": config.lora_alpha,
        "dropout": config.lora_dropout,
        "targets": config.lora_targets,
    }


def with_adapters(
    model: Any,
    rank: int,
    *,
    alpha: float = 0.0,
    dropout: float = 0.0,
    targets: Sequence[str] = (),
    **options: Any,
) -> Any:
    """A peft model around `model`, of which only LoRA adapters of this rank are trained.

    Parameters
    ----------
    alpha
        The updates are multiplied by alpha / rank; 0 is twice the rank.
    targets
        Names of the modules with adapters, or `ALL_LINEAR`; by default peft's own for the architecture, or
        all linear layers where it has none. Modules that read images or sound get none.
    options
        Of peft's `LoraConfig`.

    Raises
    ------
    ValueError
        If the model has no such modules.
    """
    from peft import LoraConfig, get_peft_model  # slow to import, and optional

    config = LoraConfig(
        r=rank,
        lora_alpha=alpha or 2 * rank,
        lora_dropout=dropout,
        target_modules=_targets(model, targets),
        exclude_modules=_other_inputs(model),
        **options,
    )
    try:
        with (
            warnings.catch_warnings()
        ):  # of GPT-2's transposed layers, which peft then reads rightly
            warnings.filterwarnings("ignore", message="fan_in_fan_out is set to False")
            return get_peft_model(model, config)
    except ValueError as error:
        if not targets:
            raise
        known = sorted({name.rpartition(".")[2] for name in linear_layers(model)})
        raise ValueError(
            f"lora_targets is {', '.join(targets)}, and no adapters can be there; this model has the linear "
            f"layers {', '.join(known)}, or give {ALL_LINEAR} ({str(error).splitlines()[0]})"
        ) from None


def linear_layers(model: Any) -> list[str]:
    """The names of the linear layers of a model's trunk that adapters can be on, without its heads."""
    from transformers.pytorch_utils import Conv1D

    unused = UNUSED if any(name in str(model.config.model_type) for name in MAMBA) else ()
    inside = set(model.base_model.modules())
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D)
        and module in inside
        and name.rpartition(".")[2] not in unused
        and not any(part in name for part in OTHER_INPUTS)
    ]


def inside_adapters(model: Any) -> Any:
    """The transformers model inside a peft model, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


@contextmanager
def adapter_dropout(model: Any) -> Iterator[None]:
    """Switch the adapters' dropout on within a context, and no other dropout."""
    layers = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.Dropout) and ".lora_dropout." in name
    ]
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer in layers:
            layer.eval()


def save_adapters(model: Any, folder: Path, **weights: Any) -> None:
    """Write the adapters of a peft model into the folder `FOLDER` in `folder`, in place of earlier ones.

    Nothing is written where the model comes from no folder, so that nothing could load the adapters.
    """
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    base = str(model.get_base_model().name_or_path)
    if not base:
        return
    for config in model.peft_config.values():
        config.base_model_name_or_path = str(real_path(base)) if Path(base).is_dir() else base
    model.save_pretrained(folder / FOLDER, save_embedding_layers=False, **weights)


def without_adapters(folder: str) -> tuple[str, list[str]]:
    """The plain model below a folder of adapters, and the folders of adapters on it, the lowest first.

    Of a folder that holds a model, or a name on the Hub, the model itself and no adapters.

    Raises
    ------
    ValueError
        If the adapters do not say on which model they are.
    """
    adapters: list[str] = []
    while (file := Path(folder, ADAPTER)).is_file():
        base = read_object(file).get("base_model_name_or_path")
        if not base or str(base) == folder or folder in adapters:
            raise ValueError(f"{file} does not say which model the adapters are on")
        adapters.insert(0, folder)
        folder = str(base)
        if not Path(folder).is_dir() and folder.count("/") != 1:
            raise ValueError(f"{file}: there is no folder {folder!r}, the model of these adapters")
    return folder, adapters


def is_classifier(folder: str) -> bool:
    """Whether the adapters in a folder are those of a sequence classifier, such as a reward model."""
    return str(read_object(Path(folder, ADAPTER)).get("task_type")) == "SEQ_CLS"


def merged(model: Any, adapters: Sequence[str], code: ModelCode, **options: Any) -> Any:
    """A model with the adapters of these folders merged into its weights."""
    for folder in adapters:
        model = read_adapters(model, folder, code, **options).merge_and_unload()
        model.name_or_path = model.config._name_or_path = folder
    return model


def _targets(model: Any, targets: Sequence[str]) -> Any:
    from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as DEFAULTS

    if targets and list(targets) != [ALL_LINEAR]:
        return list(targets)
    usual = None if targets else DEFAULTS.get(model.config.model_type)
    return usual or linear_layers(model)


def _other_inputs(model: Any) -> list[str] | None:
    """The names of the modules that read no text, if the model has some."""
    names = [name for name, _ in model.named_modules()]
    return [n for n in names if n and any(part in n for part in OTHER_INPUTS)] or None
