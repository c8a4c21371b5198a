"""Sequence-classification models as backbones of reward models: head, dropout, padding, positions."""

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rlchf.train.models.adapters import merged, with_adapters, without_adapters
from rlchf.train.models.architectures import check_classifier
from rlchf.train.models.arguments import code_arguments, weights_arguments
from rlchf.train.models.load import model_folder, tokenizer_folder, without_foreign_padding
from rlchf.train.models.loading import Loading, ModelCode
from rlchf.train.models.pretrained import check_weights, read_config, read_tokenizer, read_weights
from rlchf.train.models.quantised import differentiable


def load_backbone(
    path: str | Path,
    lora_rank: int = 0,
    seed: int = 0,
    outputs: int = 1,
    loading: Loading | None = None,
    *,
    keep_head: bool = False,
    lora: Mapping[str, Any] | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model with a new head in float32 on the backbone in ``path``, and its tokenizer.

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
    loading = loading or Loading()
    loaded = load_classifier(path, outputs, seed, loading, **weights_arguments(loading))
    model, tokenizer = loaded.model, loaded.tokenizer
    head = last_layer(with_precise_head(model))
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
    if limit is not None and limit < 1:
        limit = None  # XLNet's is -1, for none
    if limit is not None and offset:
        limit -= 2  # positions start after those of <s> and <pad>
    return takes_positions and not offset, limit


def reading_options(model: nn.Module) -> dict[str, bool]:
    """Options of a forward pass that scores texts: no keys and values are kept, since none are read again."""
    return (
        {"use_cache": False} if "use_cache" in inspect.signature(model.forward).parameters else {}
    )


@dataclass(frozen=True)
class Classifier:
    """A sequence classifier as it was loaded.

    Attributes
    ----------
    missing
        Names of the weights that are new, because the checkpoint has none that fit.
    has_head
        Whether the layer that gives the scores comes from a checkpoint or an adapter.
    had_head
        The same, or the checkpoint has one with another number of outputs.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    missing: set[str]
    has_head: bool
    had_head: bool


def load_classifier(
    path: str | Path,
    outputs: int | None = None,
    seed: int | None = None,
    code: ModelCode | None = None,
    **arguments: Any,
) -> Classifier:
    """Load a sequence classifier without dropout, and its tokenizer; weights that it lacks are drawn.

    Parameters
    ----------
    path
        A model, or a folder with adapters, which are merged into the model that they are on.
    outputs
        Number of outputs; by default as the checkpoint says.
    seed
        Random seed of the weights that are drawn; by default the generator goes on.
    code
        Whose code may run.
    arguments
        Of ``from_pretrained``, such as the precision; by default the precision is that of the files.
    """
    folder, adapters = without_adapters(model_folder(path))
    code = code or ModelCode()
    tokenizer = read_tokenizer(tokenizer_folder(model_folder(path)), path, code)
    config = read_config(folder, path, code)
    without_foreign_padding(config, path)
    check_classifier(config, path)
    if outputs is not None:
        config.num_labels = outputs
    for name in [n for n in vars(config) if "drop" in n and isinstance(getattr(config, n), float)]:
        setattr(config, name, 0.0)
    if seed is not None:
        torch.manual_seed(seed)
    model, report = read_weights(
        AutoModelForSequenceClassification,
        folder,
        path,
        code,
        new_head=True,
        config=config,
        **{"dtype": "auto"} | code_arguments(code) | arguments,
    )
    differentiable(model)
    misfits = {name for name, *_ in report["mismatched_keys"]}
    head = _name_of(model, last_layer(model))
    check_weights(
        path, {n for n in misfits if not n.startswith(head)}, "do not fit its config.json"
    )
    missing = {*report["missing_keys"], *misfits}
    drawn = last_layer(model).weight.clone()
    if adapters and len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model = merged(model, adapters, code, ignore_mismatched_sizes=True)
    if adapters and tokenizer.pad_token_id is not None:
        model.config.pad_token_id = tokenizer.pad_token_id
    known = f"{head}.weight" not in missing or not torch.equal(drawn, last_layer(model).weight)
    return Classifier(model, tokenizer, missing, known, known or f"{head}.weight" in misfits)


def check_backbone(folder: str, name: str, code: ModelCode) -> None:
    """Refuse a model, before it is loaded, whose architecture cannot be a reward model."""
    check_classifier(read_config(without_adapters(folder)[0], name, code), name)


def head_module(model: PreTrainedModel) -> str:
    """The name of the module of the classifier itself that holds the layer with the scores."""
    return _name_of(model, last_layer(model)).split(".")[0]


def new_modules(model: PreTrainedModel, missing: set[str]) -> list[str]:
    """The largest modules all of whose weights are missing from the checkpoint, such as heads and poolers."""
    names: list[str] = []
    for name, module in model.named_modules():  # a module comes before its parts
        weights = [f"{name}.{weight}" for weight, _ in module.named_parameters()]
        inside = any(name.startswith(f"{one}.") for one in names)
        if name and weights and not inside and missing.issuperset(weights):
            names.append(name)
    return names


def _name_of(model: PreTrainedModel, module: nn.Module) -> str:
    name: str = next(name for name, each in model.named_modules() if each is module)
    return name
