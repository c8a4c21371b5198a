"""The folder with a reward model's adapters, beside its merged weights."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import load_file, save_file

from rlchf.train.lora import FOLDER

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."


def complete_adapters(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", out: Path
) -> None:
    """Bring the adapters in ``out`` up to date with the finished model, if there are some.

    The normalisation of the scores has changed the head after the training. Tokenizer and settings make
    the folder a reward model of its own.
    """
    folder = out / FOLDER
    if not folder.exists():
        return
    tensors, whole = load_file(folder / WEIGHTS), model.state_dict()
    for name in tensors:
        final = whole.get(name.removeprefix(PREFIX))
        if final is not None and final.shape == tensors[name].shape:
            tensors[name] = final.cpu().contiguous()
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    tokenizer.save_pretrained(folder)
    for file in out.glob("reward_config.json"):
        shutil.copy(file, folder)
