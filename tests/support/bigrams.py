"""A policy whose next token depends on the last one only, as a table says."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast


def bigram(
    words: Sequence[str], after: Mapping[str, str], *, special: Sequence[str] = (), **tokenizer: Any
) -> tuple[Any, Any]:
    """A Llama that writes after each word the one that the table says, and its word-level tokenizer."""
    vocabulary = {word: number for number, word in enumerate(words)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token=words[0]))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend, additional_special_tokens=list(special), **tokenizer
    )
    size = len(words) + len(words) % 2
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=size, intermediate_size=2, num_hidden_layers=1,
        num_attention_heads=1, num_key_value_heads=1, max_position_embeddings=64,
        tie_word_embeddings=False, bos_token_id=None, pad_token_id=made.pad_token_id,
        eos_token_id=made.eos_token_id,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.model.layers.parameters():
            parameter.zero_()  # so that the states are the embeddings
        model.model.embed_tokens.weight.copy_(torch.eye(len(words), size))
        model.lm_head.weight.zero_()
        for word, following in after.items():
            model.lm_head.weight[vocabulary[following], vocabulary[word]] = 100.0
    return model, made
