"""Sequence-classification models as backbones of reward models: head, dropout, LoRA, positions."""

import inspect
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rlchf.train.models.adapters import with_adapters
from rlchf.train.reward.classifier import (
    give_own_pad_token,
    head_module,
    last_layer,
    load_classifier,
    new_modules,
)


def load_backbone(
    path: str | Path,
    lora_rank: int = 0,
    seed: int = 0,
    outputs: int = 1,
    *,
    keep_head: bool = False,
    lora: Mapping[str, Any] | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model with a new head on the backbone in ``path``, in float32, and its tokenizer.

    The head's initial weights are small (standard deviation 1 / (d + 1), as Stiennon et al. 2020), so that
    training starts from nearly equal scores. Dropout is off, so that a text has one score.

    Parameters
    ----------
    path
        A model, or a folder with adapters, which are merged into the model that they are on.
    keep_head
        Whether to go on with the head of a reward model; without, it is drawn anew, with a warning.
    lora
        Options of `with_adapters`. Besides adapters, all modules that are new are trained.

    Raises
    ------
    ValueError
        If the architecture cannot be a reward model, or there is no head to keep.
    """
    loaded = load_classifier(path, outputs, seed, dtype=torch.float32)
    model, tokenizer, head = loaded.model, loaded.tokenizer, last_layer(loaded.model)
    give_own_pad_token(tokenizer, model)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # for models that do not read it from their config
    if keep_head and not loaded.has_head:
        raise ValueError(
            f"keep_head is set, and the model in {path} has no head with {outputs} outputs; leave it out"
        )
    if not keep_head:
        if loaded.had_head:
            warnings.warn(
                f"the model in {path} is a reward model already, and its head is drawn anew; keep_head goes "
                "on with it",
                stacklevel=3,
            )
        nn.init.normal_(head.weight, std=1 / (head.in_features + 1))
    if lora_rank:
        trained = sorted({*new_modules(model, loaded.missing), head_module(model)})
        model = with_adapters(
            model, lora_rank, task_type="SEQ_CLS", modules_to_save=trained, **lora or {}
        )
    return model, tokenizer


def positions_of(model: PreTrainedModel) -> tuple[bool, int | None]:
    """Whether the model takes ``position_ids`` that count from 0, and its number of positions.

    Models of the RoBERTa family compute their own, which count from the padding token's id.
    """
    takes_positions = "position_ids" in inspect.signature(model.forward).parameters
    offset = any(
        isinstance(module, nn.Embedding) and module.padding_idx is not None
        for name, module in model.named_modules()
        if name.endswith("position_embeddings")
    )
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is not None and limit < 1:
        limit = None  # XLNet's is -1, for none
    if limit is not None and offset:
        limit -= 2  # positions start after those of <s> and <pad>
    return takes_positions and not offset, limit
