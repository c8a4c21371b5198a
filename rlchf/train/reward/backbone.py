"""Sequence-classification models as backbones of reward models: head, dropout, padding, positions."""

import inspect
from pathlib import Path

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rlchf.train.models.adapters import with_adapters
from rlchf.train.models.arguments import explained, weights_arguments
from rlchf.train.models.load import without_foreign_padding
from rlchf.train.models.loading import Loading
from rlchf.train.models.quantised import differentiable


def load_backbone(
    path: str | Path,
    lora_rank: int = 0,
    seed: int = 0,
    outputs: int = 1,
    loading: Loading | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model with a new head in float32 on the backbone in ``path``, and its tokenizer.

    The head's initial weights are small (standard deviation 1 / (d + 1), as Stiennon et al. 2020), so that
    training starts from nearly equal scores. Dropout is off, so that a text has one score.
    """
    loading = loading or Loading()
    code = {"trust_remote_code": loading.trust_remote_code}
    with explained(path, loading):
        tokenizer = AutoTokenizer.from_pretrained(path, **code)
        config = AutoConfig.from_pretrained(path, num_labels=outputs, **code)
    without_foreign_padding(config, path)
    for name in [n for n in vars(config) if "drop" in n and isinstance(getattr(config, n), float)]:
        setattr(config, name, 0.0)
    torch.manual_seed(seed)
    with explained(path, loading):
        model = AutoModelForSequenceClassification.from_pretrained(
            path, config=config, **weights_arguments(loading)
        )
    give_own_pad_token(tokenizer, differentiable(model))
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # for models that do not read it from their config
    head = last_layer(with_precise_head(model))
    nn.init.normal_(head.weight, std=1 / (head.in_features + 1))
    if lora_rank:
        model = with_adapters(model, lora_rank, task_type="SEQ_CLS")
    return model, tokenizer


def last_layer(model: PreTrainedModel) -> nn.Linear:
    """The linear layer that gives the scores: the last one outside the backbone."""
    base = model.base_model
    inside = set(base.modules()) if base is not model else set()
    layers = [m for m in model.modules() if isinstance(m, nn.Linear) and m not in inside]
    assert layers, "a sequence classifier has a linear head"
    return layers[-1]


def with_precise_head(model: PreTrainedModel) -> PreTrainedModel:
    """The model, whose head reads and scores in float32 also on a backbone of lower precision.

    In bfloat16, with its eight bits, scores around 2 would be rounded to multiples of 1/64.
    """
    head = last_layer(model)
    if head.weight.dtype in (torch.bfloat16, torch.float16):
        head.float().register_forward_pre_hook(_in_precision_of_the_head)
    return model


def round_head(model: PreTrainedModel) -> None:
    """Give the head the precision of the backbone, in which it is saved, and compute on in float32."""
    head = last_layer(model)
    for parameter in head.parameters():
        parameter.data = parameter.data.to(model.dtype).to(parameter.dtype)


def write_model(model: PreTrainedModel, folder: Path) -> None:
    """Save a model, its head in the precision of the backbone."""
    head = last_layer(model)
    computed = head.weight.dtype
    head.to(model.dtype)
    model.save_pretrained(folder)
    head.to(computed)


def _in_precision_of_the_head(
    head: nn.Linear, inputs: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor]:
    return (inputs[0].to(head.weight.dtype),)


def give_own_pad_token(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Make the padding token differ from the end token.

    Classification heads read the last token that is not padding; with one token for both they would never
    see the end of a response. A row is added to the embeddings only for a padding token that has none.
    """
    if tokenizer.pad_token_id in (None, tokenizer.eos_token_id):
        if tokenizer.unk_token_id not in (None, tokenizer.eos_token_id):
            tokenizer.pad_token = tokenizer.unk_token
        else:
            tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
    if tokenizer.pad_token_id >= model.get_input_embeddings().num_embeddings:
        rows = max(tokenizer.pad_token_id + 1, len(tokenizer))
        model.resize_token_embeddings(rows, mean_resizing=False)
    model.config.pad_token_id = tokenizer.pad_token_id


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
    if limit is not None and offset:
        limit -= 2  # positions start after those of <s> and <pad>
    return takes_positions and not offset, limit
