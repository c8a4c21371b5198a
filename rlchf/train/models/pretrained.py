"""The one door by which configs, tokenizers, weights and adapters of models come in.

A model's folder may come from anybody, and may be damaged. Code that comes with it runs only where the
settings say so, and nothing is unpickled but tensors. Whatever a library says of a damaged file becomes one
sentence.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from rlchf.io.json import read_object
from rlchf.options import meant
from rlchf.train.lora import ADAPTER
from rlchf.train.models.loading import ModelCode

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Hide the progress bars of transformers, which a notebook shows as lines of output."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


JSON_FILES = (
    "config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json",
    "adapter_config.json", "model.safetensors.index.json", "reward_config.json",
)  # fmt: skip
"""Files of a model's folder that hold a JSON object."""
WEIGHTS = (".safetensors", ".bin")
"""The endings of files of weights."""
IN_LAYER = re.compile(r"\.\d+\.")
"""What is in the name of a weight of one of a model's layers."""


def check_files(folder: Path) -> None:
    """Refuse a model's folder with a file that is damaged; no weights are read.

    Raises
    ------
    ValueError
        If a JSON file holds no object, or a file of weights is cut off; the message names the file.
    """
    from safetensors import SafetensorError, safe_open

    for name in JSON_FILES:
        if (folder / name).exists():
            read_object(folder / name)
    adapters = [folder / f"adapter_model{ending}" for ending in WEIGHTS]
    if (folder / ADAPTER).exists() and not any(path.exists() for path in adapters):
        raise ValueError(f"{folder} has no {adapters[0].name}, the weights of its adapters")
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "pt"):
                pass
        except (SafetensorError, OSError) as error:
            problem = " ".join(str(error).split())
            raise ValueError(f"{path} is damaged ({problem}); copy or download it again") from None


def read_config(folder: str, name: object, code: ModelCode) -> "PretrainedConfig":
    """The config of the model in a folder or on the Hub, which messages call by its name.

    Raises
    ------
    ValueError
        As `explained`.
    """
    from transformers import AutoConfig

    with explained(name, code):
        return AutoConfig.from_pretrained(folder, trust_remote_code=code.trust_remote_code)


def read_tokenizer(folder: str, name: object, code: ModelCode) -> "PreTrainedTokenizerBase":
    """The tokenizer in a folder or on the Hub.

    Raises
    ------
    ValueError
        As `explained`.
    """
    from transformers import AutoTokenizer

    with explained(name, code, "tokenizer"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=code.trust_remote_code
        )
        tokenizer("a")  # some damage shows at the first text only
    return tokenizer


def read_weights(
    kind: Any,
    folder: str,
    name: object,
    code: ModelCode,
    *,
    new_head: bool = False,
    **arguments: Any,
) -> tuple[Any, dict[str, Any]]:
    """A model by an auto class of transformers, and what transformers reports of its weights.

    Parameters
    ----------
    kind
        Such as ``AutoModelForCausalLM``.
    new_head
        Whether weights outside the layers and the embeddings may be missing, or of another shape.
    arguments
        Of ``from_pretrained``.

    Raises
    ------
    ValueError
        As `explained`; if other weights are missing, or of another shape than the config says, and so would
        be random; or if some are not numbers.
    """
    check_size(kind, folder, name, code, arguments["config"])
    with explained(name, code), no_progress_bars():
        model, report = kind.from_pretrained(
            folder,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            weights_only=True,
            **arguments,
        )
    missing = set(report["missing_keys"])
    misfits = {weight for weight, *_ in report["mismatched_keys"]}
    if new_head:
        trunk = trunk_weights(model)
        missing, misfits = missing & trunk, misfits & trunk
    check_weights(name, misfits, "do not fit its config.json")
    check_weights(name, missing, "are missing")
    check_weights(name, not_numbers(model), "are not numbers (NaN)")
    return model, dict(report)


def check_size(kind: Any, folder: str, name: object, code: ModelCode, config: Any) -> None:
    """Refuse a config of more weights than the folder has bytes of them, before memory is taken for them.

    Raises
    ------
    ValueError
        As `explained`, and if it is so.
    """
    files = [path for ending in WEIGHTS for path in Path(folder).glob(f"*{ending}")]
    if not files or getattr(config, "quantization_config", None):
        return
    with explained(name, code), torch.device("meta"):
        made = kind.from_config(config, trust_remote_code=code.trust_remote_code)
    needed = sum(weight.numel() for weight in made.parameters())
    stored = sum(path.stat().st_size for path in files)
    if needed > stored:
        raise ValueError(
            f"the model '{name}': its config.json describes {needed:,} weights, and its files of weights "
            f"hold {stored:,} bytes; copy or download it again"
        )


def read_adapters(model: Any, folder: str, code: ModelCode, **arguments: Any) -> Any:
    """A peft model of a model and the adapters in a folder.

    Raises
    ------
    ValueError
        As `explained`.
    """
    from peft import PeftConfig, PeftModel

    with explained(folder, code):
        config = PeftConfig.from_pretrained(folder)
        config.task_type = None  # those of a language model serve a reward model's trunk, too
        return PeftModel.from_pretrained(model, folder, config=config, **arguments)


def check_weights(name: object, bad: set[str], problem: str) -> None:
    """Refuse a model some of whose weights are bad; the message names the first of them."""
    if bad:
        first = min(bad)
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise ValueError(
            f"the model '{name}': the weights {first}{more} {problem}; copy or download it again"
        )


def not_numbers(model: nn.Module) -> set[str]:
    """Names of the weights among which there is a NaN."""
    return {
        name
        for name, weight in model.named_parameters()
        if weight.is_floating_point() and not weight.is_meta and bool(weight.sum().isnan())
    }


def trunk_weights(model: Any) -> set[str]:
    """Names of the weights of a model's layers and embeddings, which no task makes anew."""
    prefix = "" if model.base_model is model else f"{model.base_model_prefix}."
    embeddings = None
    with suppress(NotImplementedError, AttributeError):
        embeddings = model.get_input_embeddings().weight
    return {
        name
        for name, weight in model.named_parameters()
        if weight is embeddings or (name.startswith(prefix) and IN_LAYER.search(name))
    }


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
def explained(name: object, code: ModelCode, what: str = "model") -> Iterator[None]:
    """Say in one sentence what a model needs that the settings do not allow, or what is wrong with its files.

    Parameters
    ----------
    what
        What is read of it, for messages.

    Raises
    ------
    ValueError
        If the model comes with code of its own, has no such attention, or cannot be read.
    """
    check_attention_name(code)
    try:
        yield
    except Exception as error:  # libraries raise whatever they run into
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
        if isinstance(error, UnpicklingError):
            raise ValueError(
                f"the model '{name}' is pickled with more than weights, which could run code, or is damaged; "
                "save it as safetensors"
            ) from None
        if isinstance(error, MemoryError | torch.OutOfMemoryError):
            raise
        if isinstance(error, OSError) and "connect" in problem and not Path(str(name)).exists():
            raise ValueError(
                f"the {what} of '{name}' cannot be read: it is no local folder and not among the downloaded "
                "models, and the Hub cannot be asked; give the folder of a model, or connect to the Hub "
                "(with HF_HUB_OFFLINE=1 only what is downloaded is read)"
            ) from None
        if not isinstance(error, ValueError | OSError | ImportError):
            problem = f"{type(error).__name__}: {problem}"
        raise ValueError(f"the {what} of '{name}' cannot be read: {shortened(problem)}") from error


def shortened(text: str, most: int = 300) -> str:
    """A text in one line of at most so many characters.

    Examples
    --------
    >>> shortened("two\\n  lines, the second long", 12)
    'two lines,...'
    """
    line = " ".join(text.split())
    return line if len(line) <= most else line[:most].rsplit(" ", 1)[0] + "..."
