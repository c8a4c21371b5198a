"""Models and tokenizers small enough for a test, built from a config without a download."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

STORIES = Path(__file__).parents[3] / "shared" / "models" / "stories260K-hf"
"""A small Llama that tells stories, on machines that have it; tests skip where it is absent."""

TEXTS = [
    "the quick brown fox jumps over the lazy dog",
    "a committee votes on what the model should say",
    "once upon a time there was a little girl named Lily",
]


def tiny_tokenizer(
    texts: Sequence[str] = TEXTS, vocab_size: int = 320, pad_is_eos: bool = False
) -> Any:
    """Byte-level BPE trained on the texts; any text round-trips through it.

    Ids 0 and 1 are ``<eos>`` and ``<pad>``; with `pad_is_eos` the end token also pads.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<eos>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<eos>",
        pad_token="<eos>" if pad_is_eos else "<pad>",
    )


def word_tokenizer(words: Sequence[str], eos: str, unk: str | None = None) -> Any:
    """One token per space-separated word, ids in the order given: for known-answer tests."""
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=unk or words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=eos, pad_token=eos)


def _llama_config(vocab_size: int, hidden: int, layers: int, **options: Any) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        **{
            "max_position_embeddings": 128,
            "bos_token_id": None,
            "eos_token_id": 0,
            "pad_token_id": 1,
        }
        | options,
    )


def _gpt2_config(vocab_size: int, hidden: int, layers: int, **options: Any) -> GPT2Config:
    return GPT2Config(
        vocab_size=vocab_size,
        n_embd=hidden,
        n_layer=layers,
        n_head=4,
        n_positions=128,
        **{"bos_token_id": None, "eos_token_id": 0, "pad_token_id": 1} | options,
    )


def _spread(model: Any, scale: float) -> Any:
    """Scale the weights up, so that a random model has opinions; in evaluation mode."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(scale)
    return model.eval()


def tiny_llama(
    vocab_size: int = 320,
    *,
    hidden: int = 32,
    layers: int = 2,
    seed: int = 0,
    scale: float = 4.0,
    **options: Any,
) -> Any:
    """Random Llama for causal language modelling: rotary positions, grouped queries."""
    torch.manual_seed(seed)
    return _spread(LlamaForCausalLM(_llama_config(vocab_size, hidden, layers, **options)), scale)


def tiny_gpt2(
    vocab_size: int = 320,
    *,
    hidden: int = 32,
    layers: int = 2,
    seed: int = 0,
    scale: float = 4.0,
    **options: Any,
) -> Any:
    """Random GPT-2 for causal language modelling: learned positions, dropout 0.1 when training."""
    torch.manual_seed(seed)
    return _spread(GPT2LMHeadModel(_gpt2_config(vocab_size, hidden, layers, **options)), scale)


def tiny_classifier(
    kind: str = "llama",
    vocab_size: int = 320,
    *,
    num_labels: int = 1,
    hidden: int = 32,
    layers: int = 2,
    seed: int = 0,
    scale: float = 4.0,
    **options: Any,
) -> Any:
    """Random sequence classifier, such as a reward model; `kind` is ``llama`` or ``gpt2``."""
    torch.manual_seed(seed)
    if kind == "llama":
        config = _llama_config(vocab_size, hidden, layers, num_labels=num_labels, **options)
        return _spread(LlamaForSequenceClassification(config), scale)
    config = _gpt2_config(vocab_size, hidden, layers, num_labels=num_labels, **options)
    return _spread(GPT2ForSequenceClassification(config), scale)
